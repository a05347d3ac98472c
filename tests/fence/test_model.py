"""All orders of steps, at small size: the fence never skips, and each rule of it is needed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model import Reader, State, Variant, explore, start, steps

SIZES = [
    (start((1,), (1,), (1,)), 10_000),
    (start((1, 1), (2,)), 5_000),
    (start((1,), (2,), readers=2), 10_000),
]


@pytest.mark.parametrize(("first", "at_least"), SIZES)
def test_the_fence_never_skips(first: State, at_least: int) -> None:
    found = explore(first, Variant.FENCED)
    assert found.trace == ()
    assert found.states >= at_least, "so much there is to explore"


@pytest.mark.parametrize("variant", [variant for variant in Variant if variant is not Variant.FENCED])
def test_without_any_one_of_its_rules_it_skips(variant: Variant) -> None:
    found = explore(start((1,), (1,)), variant)
    assert found.trace, variant
    print(f"{variant.name}:", *found.trace, sep="\n  ")


plans = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple), min_size=2, max_size=5)


@given(plan=plans, seed=st.integers(0, 2**32), readers=st.integers(1, 2))
@settings(max_examples=40)
def test_at_larger_sizes_random_orders_never_skip_and_reach_the_end(
    plan: list[tuple[int, ...]], seed: int, readers: int
) -> None:
    chosen, state = random.Random(seed), start(*plan, readers=readers)
    delivered = state.readers
    while any(writer.left for writer in state.writers):
        _, state = chosen.choice(list(steps(state, Variant.FENCED)))
        assert not state.skipped
        for before, after in zip(delivered, state.readers, strict=True):
            assert all(new > before.cursor for new in after.delivered - before.delivered), "positions only grow"
        delivered = state.readers
    for number in range(readers):  # once nobody writes, one more page shows all there is
        state = state._replace(
            readers=(*state.readers[:number], fresh(state.readers[number]), *state.readers[number + 1 :])
        )
        for _ in range(4):
            state = next(then for what, then in steps(state, Variant.FENCED) if what.startswith(f"reader {number}"))
        assert state.readers[number].delivered == state.visible


def fresh(reader: Reader) -> Reader:
    """The reader at the start of its next page."""
    return Reader(cursor=reader.cursor, delivered=reader.delivered)
