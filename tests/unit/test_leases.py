"""Leases: whoever comes and goes, partitions find one owner each, evenly, and few change hands."""

import itertools
from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headwater.streaming.leases import Beat, Lease, Observer, shares, step

Leases = dict[int, Lease]
NAMES = "abcdefgh"

members = st.sets(st.sampled_from(NAMES), min_size=1)
owners = st.sampled_from(["", *NAMES])
leases = st.lists(st.builds(Lease, owners, st.integers(0, 9)), max_size=20).map(lambda found: dict(enumerate(found)))


def counts(planned: dict[int, str], alive: set[str]) -> list[int]:
    had = Counter(planned.values())
    return [had[name] for name in alive]


def moves(planned: dict[int, str], now: Leases, alive: set[str]) -> int:
    """How many partitions are taken from somebody alive."""
    return sum(now[p].owner in alive and now[p].owner != name for p, name in planned.items())


def act(me: str, alive: set[str], now: Leases) -> bool:
    """One member's turn: it takes what is free, and hands over what it is to. Whether anything was done."""
    todo = step(me, alive, now)
    now |= {p: now[p].taken(me) for p in todo.take} | {p: now[p].freed() for p in todo.leaving}
    return any(todo)


class TestShares:
    @given(alive=members, now=leases)
    def test_every_partition_has_an_owner_who_is_alive(self, alive: set[str], now: Leases) -> None:
        planned = shares(alive, now)
        assert set(planned) == set(now)
        assert set(planned.values()) <= alive

    @given(alive=members, now=leases)
    def test_nobody_has_two_more_than_another(self, alive: set[str], now: Leases) -> None:
        had = counts(shares(alive, now), alive)
        assert max(had) - min(had) <= 1

    @given(alive=st.sets(st.sampled_from("abc"), min_size=1), now=leases.filter(lambda found: len(found) <= 5))
    def test_no_even_plan_moves_fewer(self, alive: set[str], now: Leases) -> None:
        plans = (dict(enumerate(each)) for each in itertools.product(sorted(alive), repeat=len(now)))
        even = [plan for plan in plans if max(counts(plan, alive)) - min(counts(plan, alive)) <= 1]
        assert moves(shares(alive, now), now, alive) == min(moves(plan, now, alive) for plan in even)

    @given(alive=members, now=leases)
    def test_a_plan_that_is_carried_out_stays(self, alive: set[str], now: Leases) -> None:
        planned = shares(alive, now)
        assert shares(alive, {p: Lease(name) for p, name in planned.items()}) == planned

    def test_with_nobody_there_nobody_has_any(self) -> None:
        assert shares((), {0: Lease("gone", 3)}) == {}


class TestStep:
    @given(alive=members, now=leases)
    def test_no_two_take_the_same_and_nobody_what_another_has(self, alive: set[str], now: Leases) -> None:
        taken = [p for name in alive for p in step(name, alive, now).take]
        assert len(taken) == len(set(taken))
        assert all(now[p].owner not in alive for p in taken)

    @given(alive=members, now=leases)
    def test_everybody_hands_over_only_what_it_has(self, alive: set[str], now: Leases) -> None:
        for name in alive:
            assert all(now[p].owner == name for p in step(name, alive, now).leaving)

    @given(alive=members, now=leases, chance=st.randoms())
    def test_in_whatever_order_they_act_they_come_to_rest(self, alive: set[str], now: Leases, chance: Random) -> None:
        for _ in range(100):
            turns = sorted(alive)
            chance.shuffle(turns)
            acted = [act(name, alive, now) for name in turns]
            if not any(acted):
                break
        else:
            raise AssertionError("they never come to rest")
        had = Counter(lease.owner for lease in now.values())
        assert set(had) <= alive
        assert max(had[name] for name in alive) - min(had[name] for name in alive) <= 1

    @given(data=st.data(), now=leases)
    def test_epochs_only_grow_and_with_each_owner(self, data: st.DataObject, now: Leases) -> None:
        for _ in range(10):
            before, alive = dict(now), data.draw(members)
            for name in sorted(alive):
                act(name, alive, now)
            for p, lease in now.items():
                assert lease.epoch >= before[p].epoch
                if lease.owner and lease.owner != before[p].owner:
                    assert lease.epoch > before[p].epoch

    def test_i_am_alive_whatever_is_seen_of_me(self) -> None:
        assert step("me", set(), {0: Lease(), 1: Lease("dead", 4)}).take == (0, 1)

    def test_one_who_comes_gets_what_is_handed_over(self) -> None:
        now = {p: Lease("a", 1) for p in range(4)}
        assert step("a", {"a", "b"}, now) == ((), (2, 3))
        assert step("b", {"a", "b"}, now) == ((), ())
        now |= {3: now[3].freed()}
        assert step("a", {"a", "b"}, now) == ((), (2,))
        assert step("b", {"a", "b"}, now) == ((3,), ())


class TestObserver:
    def test_who_beats_is_alive_and_who_stands_still_is_not(self) -> None:
        observer = Observer()
        assert observer.alive({"a": Beat(1, 10), "b": Beat(7, 10)}, 100) == {"a", "b"}
        assert observer.alive({"a": Beat(2, 10), "b": Beat(7, 10)}, 109.9) == {"a", "b"}
        assert observer.alive({"a": Beat(2, 10), "b": Beat(7, 10)}, 110) == {"a"}
        assert observer.alive({"a": Beat(2, 10), "b": Beat(8, 10)}, 119) == {"a", "b"}

    def test_each_has_a_session_of_its_own(self) -> None:
        observer = Observer()
        assert observer.alive({"a": Beat(1, 1), "b": Beat(1, 5)}, 0) == {"a", "b"}
        assert observer.alive({"a": Beat(1, 1), "b": Beat(1, 5)}, 4) == {"b"}

    def test_one_that_is_gone_is_forgotten(self) -> None:
        observer = Observer()
        observer.alive({"a": Beat(1, 1)}, 0)
        assert observer.alive({}, 5) == set()
        assert observer.alive({"a": Beat(1, 1)}, 6) == {"a"}
