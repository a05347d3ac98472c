"""Ids of appends: the same id counts once and gives the first result."""

import pytest

from headwater.errors import ConditionFailed, Conflict, IdReused, WrongExpectedVersion
from headwater.messages import ALL, Appended, Condition, Write
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import counted, everything, fill, on_store, several


def as_repeated(first: Appended) -> Appended:
    """That result, as the same append gets it again."""
    return Appended(first.first, first.last, first.versions, repeated=True)


class TestIds:
    """An append with an id that came before changes nothing and returns the first result."""

    @on_store
    async def test_a_repeated_append_changes_nothing(self, store: EventStore) -> None:
        await fill(store, 3)
        first = await store.append(Write("a", several(2)), Write("b", several(3)), id="once")
        assert not first.repeated
        head = await store.head()
        again = await store.append(Write("a", several(2)), Write("b", several(3)), id="once")
        assert again == as_repeated(first)
        assert await store.head() == head

    @on_store
    async def test_the_first_result_stays_whatever_came_since(self, store: EventStore) -> None:
        first = await store.append(Write("a", [counted(0)], expected=0), id="once")
        for n in range(5):
            await store.append(Write("a", [counted(n)]))
        again = await store.append(Write("a", [counted(0)], expected=0), id="once")
        assert again == as_repeated(first)

    @on_store
    async def test_a_repeated_append_is_not_judged_again(self, store: EventStore) -> None:
        condition = Condition(ALL, 0)
        first = await store.append(Write("a", [counted(0)], expected=0), condition=condition, id="once")
        again = await store.append(Write("a", [counted(0)], expected=0), condition=condition, id="once")
        assert again == as_repeated(first)

    @on_store
    async def test_a_refused_append_leaves_its_id_free(self, store: EventStore) -> None:
        await fill(store, 1)
        with pytest.raises(WrongExpectedVersion):
            await store.append(Write("numbers", [counted(1)], expected=0), id="once")
        with pytest.raises(ConditionFailed):
            await store.append(Write("numbers", [counted(1)]), condition=Condition(ALL, 0), id="once")
        assert await store.find_append("once") is None
        done = await store.append(Write("numbers", [counted(1)], expected=1), id="once")
        assert not done.repeated

    @on_store
    async def test_other_ids_and_none_are_independent(self, store: EventStore) -> None:
        for id in ("", "", "1", "2", "1.0", "A", "a"):
            assert not (await store.append(Write("a", [counted(0)]), id=id)).repeated
        assert len(await everything(store)) == 7

    @on_store
    async def test_the_result_can_be_asked_for(self, store: EventStore) -> None:
        assert await store.find_append("once") is None
        assert await store.find_append("") is None
        first = await store.append(Write("a", several(2)), Write("b", [counted(0)]), id="once")
        assert await store.find_append("once") == as_repeated(first)
        await store.append(Write("a", several(2)))
        assert await store.find_append("once") == as_repeated(first)
        assert await store.find_append("") is None


class TestFingerprints:
    """A fingerprint of the content tells a repeated append from another one with the same id."""

    @on_store
    async def test_the_same_fingerprint_is_the_same_append(self, store: EventStore) -> None:
        first = await store.append(Write("a", [counted(0)]), id="once", fingerprint="f")
        assert await store.append(Write("a", [counted(0)]), id="once", fingerprint="f") == as_repeated(first)
        assert await store.find_append("once", "f") == as_repeated(first)

    @on_store
    async def test_another_fingerprint_is_refused(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0)]), id="once", fingerprint="f")
        with pytest.raises(IdReused) as caught:
            await store.append(Write("a", [counted(1)]), id="once", fingerprint="g")
        assert caught.value.id == "once"
        assert isinstance(caught.value, Conflict)
        with pytest.raises(IdReused):
            await store.find_append("once", "g")
        assert len(await everything(store)) == 1

    @on_store
    async def test_they_are_compared_only_if_given_both_times(self, store: EventStore) -> None:
        first = await store.append(Write("a", [counted(0)]), id="with", fingerprint="f")
        assert await store.append(Write("a", [counted(0)]), id="with") == as_repeated(first)
        second = await store.append(Write("a", [counted(0)]), id="without")
        again = await store.append(Write("a", [counted(0)]), id="without", fingerprint="f")
        assert again == as_repeated(second)
