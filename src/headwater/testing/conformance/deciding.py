"""Deciding on a stream: what was decided follows from everything before it, whoever else is at it."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec
import pytest

from headwater.codec import BatchDecoder
from headwater.errors import BadInput, EventTooLarge, IdReused, InvalidName, Rejected
from headwater.messages import Batch, NewEvent, Write
from headwater.store.port import Decision, EventStore
from headwater.testing.conformance.harness import (
    CATALOG,
    Counted,
    OpenStore,
    counted,
    on_store,
    require,
    stream_of,
    values,
    with_places,
)
from headwater.testing.conformance.racing import TASKS, race


def numbers(batches: Iterable[Batch]) -> list[int]:
    """The numbers of all events of a stream."""
    decoder: BatchDecoder[Counted] = BatchDecoder(CATALOG)
    return [each.n for batch in batches for each in decoder.decode(batch)]


def next_number(batches: Iterable[Batch]) -> Sequence[NewEvent]:
    """One more than there are."""
    return [counted(len(numbers(batches)))]


def nothing(batches: Iterable[Batch]) -> Sequence[NewEvent]:
    return ()


def refuse(batches: Iterable[Batch]) -> Sequence[NewEvent]:
    raise Rejected("no", code="no")


def always(*events: NewEvent) -> Decision:
    return lambda batches: events


def looking(seen: list[int]) -> Decision:
    """Nothing, but tell what there is."""

    def decision(batches: Iterable[Batch]) -> Sequence[NewEvent]:
        seen[:] = numbers(batches)
        return ()

    return decision


class TestDeciding:
    """From all events of a stream to those that follow."""

    @on_store
    async def test_it_sees_everything_and_appends(self, store: EventStore) -> None:
        await store.append(Write("b", [counted(7)]), Write("a", [counted(0), counted(1)]))
        done = await store.decide("a", next_number)
        assert (done.first, done.last, done.versions, done.repeated) == (4, 4, (3,), False)
        assert await stream_of(store, "a") == [0, 1, 2]

    @on_store
    async def test_a_new_stream_is_empty(self, store: EventStore) -> None:
        done = await store.decide("a", next_number)
        assert (done.last, done.versions) == (1, (1,))
        assert await stream_of(store, "a") == [0]

    @on_store
    async def test_deciding_nothing_changes_nothing(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0)]), Write("b", [counted(1)]))
        done = await store.decide("a", nothing)
        assert (done.first, done.last, done.versions) == (2, 1, (1,))
        done = await store.decide("new", nothing)
        assert (done.first, done.last, done.versions) == (1, 0, (0,))
        assert await store.head() == 2

    @on_store
    async def test_what_a_decision_raises_is_raised_and_leaves_nothing(self, store: EventStore) -> None:
        def broken(batches: Iterable[Batch]) -> Sequence[NewEvent]:
            raise ZeroDivisionError

        with pytest.raises(Rejected, match="no"):
            await store.decide("a", refuse)
        with pytest.raises(ZeroDivisionError):
            await store.decide("a", broken)
        assert await store.head() == 0
        await store.decide("a", next_number)
        assert await stream_of(store, "a") == [0]

    @on_store
    async def test_what_it_decides_is_checked(self, store: EventStore) -> None:
        with pytest.raises(InvalidName):
            await store.decide("", next_number)
        with pytest.raises(InvalidName):
            await store.decide("a", always(counted(0, " tag")))
        assert await store.head() == 0

    @with_places
    async def test_events_above_the_limit_are_refused(self, open_store: OpenStore) -> None:
        async with await open_store("main", max_event_bytes=50) as store:
            with pytest.raises(EventTooLarge):
                await store.decide("a", always(counted(0), NewEvent("big", msgspec.json.encode("x" * 50))))
            assert await store.head() == 0


class TestDecidingOnward:
    """From a version on, up to which somebody knows the stream."""

    @on_store
    async def test_it_sees_what_follows(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(n) for n in range(4)]), Write("b", [counted(9)]))
        for after in range(5):
            seen: list[int] = []
            done = await store.decide("a", looking(seen), after=after)
            assert seen == list(range(after, 4))
            assert (done.first, done.last, done.versions) == (5, 4, (4,))

    @on_store
    async def test_it_appends_at_the_end(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0), counted(1)]))
        assert (await store.decide("a", always(counted(2)), after=1)).versions == (3,)
        assert (await store.decide("a", always(counted(3)), after=3)).versions == (4,)
        assert await stream_of(store, "a") == [0, 1, 2, 3]

    @on_store
    async def test_a_version_that_is_not_there_is_refused(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0), counted(1)]))
        for stream, after in (("a", 3), ("new", 1)):
            with pytest.raises(BadInput, match=f"{stream!r} has no event of version {after}"):
                await store.decide(stream, always(counted(2)), after=after)
        assert await store.head() == 2

    @on_store
    async def test_many_at_once_each_see_what_those_before_decided(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(0), counted(1)]))
        onward = [store.decide("a", lambda batches: [counted(2 + len(numbers(batches)))], after=2) for _ in range(8)]
        _, failed = await race(*onward)
        assert not failed
        assert await stream_of(store, "a") == list(range(10))


class TestDecidingOnce:
    """An id counts once."""

    @on_store
    async def test_a_repeated_id_decides_nothing(self, store: EventStore) -> None:
        first = await store.decide("a", next_number, id="one")
        again = await store.decide("a", refuse, id="one")
        assert again == msgspec.structs.replace(first, repeated=True)
        assert await stream_of(store, "a") == [0]

    @on_store
    async def test_an_id_for_something_else_is_refused(self, store: EventStore) -> None:
        await store.decide("a", next_number, id="one", fingerprint="x")
        with pytest.raises(IdReused):
            await store.decide("a", next_number, id="one", fingerprint="y")
        assert await stream_of(store, "a") == [0]

    @on_store
    async def test_many_at_once_with_one_id_count_once(self, store: EventStore) -> None:
        done, failed = await race(*(store.decide("a", next_number, id="one") for _ in range(TASKS)))
        assert not failed
        assert sum(not each.repeated for each in done) == 1
        assert await stream_of(store, "a") == [0]

    @on_store
    async def test_nothing_decided_is_decided_anew(self, store: EventStore) -> None:
        await store.decide("a", nothing, id="one")
        done = await store.decide("a", next_number, id="one")
        assert not done.repeated


class TestDecidingTogether:
    """However many decide at once, each sees what those before it decided."""

    @on_store
    async def test_on_one_stream(self, store: EventStore) -> None:
        crowd = 8  # few enough for a store that tries again on conflict
        for _ in range(4):
            done, failed = await race(*(store.decide("a", next_number) for _ in range(crowd)))
            assert (len(done), failed) == (crowd, [])
        assert await stream_of(store, "a") == list(range(4 * crowd))

    @on_store
    async def test_a_refusal_in_the_crowd_concerns_nobody_else(self, store: EventStore) -> None:
        tries = [store.decide(f"s-{n}", refuse if n % 3 == 0 else next_number) for n in range(TASKS)]
        done, failed = await race(*tries)
        assert {type(error) for error in failed} == {Rejected}
        assert len(failed) == len(range(0, TASKS, 3))
        assert len(done) == await store.head() == TASKS - len(failed)

    @on_store
    async def test_among_appends_to_the_same_stream(self, store: EventStore) -> None:
        appends = [store.append(Write("a", [counted(-1)])) for _ in range(8)]
        decisions = [store.decide("a", next_number) for _ in range(8)]
        mixed = [each for pair in zip(appends, decisions, strict=True) for each in pair]
        _, failed = await race(*mixed)
        assert not failed
        found = await stream_of(store, "a")
        assert all(n in (-1, place) for place, n in enumerate(found))
        assert sum(n >= 0 for n in found) == 8

    @with_places
    async def test_in_two_that_share_a_place(self, open_store: OpenStore) -> None:
        async with await open_store("main") as here:
            require(here, lambda capabilities: capabilities.shared, "shared")
            async with await open_store("main") as there:
                for _ in range(10):
                    await asyncio.gather(here.decide("a", next_number), there.decide("a", next_number))
                assert values(await here.read_stream("a")) == list(range(20))
