"""Removing events and closing streams: everything else stays where it was."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

import pytest

from headwater.codec import BatchDecoder
from headwater.errors import BadInput, Conflict, StreamClosed, StreamTruncated, UnknownType, WrongExpectedVersion
from headwater.messages import Batch, Envelope, NewEvent, Write, query
from headwater.store.port import EventStore
from headwater.store.removal import (
    CATALOG,
    REMOVALS,
    Cut,
    EventsPutBack,
    EventsRemoved,
    Removed,
    StreamMark,
    StreamWasClosed,
)
from headwater.store.subscription import subscribe
from headwater.testing.conformance.harness import CATALOG as COUNTING
from headwater.testing.conformance.harness import (
    OpenStore,
    counted,
    everything,
    fill,
    on_store,
    require,
    several,
    stream_of,
    values,
    with_places,
)


async def two_streams(store: EventStore) -> list[Envelope]:
    """Numbers in two streams by turns, tagged `even` where they are; all of them."""
    for n in range(10):
        await store.append(Write("ab"[n % 2], [counted(n, *(["even"] if n % 2 == 0 else []))]), id=f"append-{n}")
    return await everything(store)


async def records(store: EventStore) -> list[tuple[object, str]]:
    """What is recorded of removals, and by whom."""
    found = await store.read_stream(REMOVALS)
    return [(one, event.metadata.actor) for event in found for one in CATALOG.decode(event)]


class TestRemoving:
    """`remove`."""

    @on_store
    async def test_what_is_left_stays_where_it_was(self, store: EventStore) -> None:
        events = await two_streams(store)
        done = await store.remove(Cut("a", 4), actor="ann", reason="old")
        assert done == Removed(3, 1, await store.head())
        left = [event for event in events if event.stream == "b" or event.stream_version >= 4]
        assert (await everything(store))[:-1] == left
        assert await store.read_stream("a") == [event for event in left if event.stream == "a"]
        assert values(await everything(store, query(tags=["even"]))) == [6, 8]
        assert (await store.size()).events == len(left) + 1
        assert await store.check() == []

    @on_store
    async def test_it_is_recorded(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 4), Cut("b", 2), actor="ann", reason="old")
        assert await records(store) == [(EventsRemoved(4, 2, {"a": 4, "b": 2}, "old"), "ann")]

    @on_store
    async def test_the_stream_goes_on_at_its_version(self, store: EventStore) -> None:
        await two_streams(store)
        head = (await store.remove(Cut("a", 4))).position
        with pytest.raises(WrongExpectedVersion) as caught:
            await store.append(Write("a", [counted(10)], expected=2))
        assert caught.value.actual == 5
        done = await store.append(Write("a", [counted(10)], expected=5))
        assert (done.first > head, done.versions) == (True, (6,))

    @on_store
    async def test_a_stream_without_any_event_left_goes_on_too(self, store: EventStore) -> None:
        await two_streams(store)
        assert (await store.remove(Cut("a", 6))).events == 5
        assert await stream_of(store, "a") == []
        assert (await store.append(Write("a", [counted(10)]))).versions == (6,)
        assert [event.stream_version for event in await store.read_stream("a")] == [6]
        assert (await store.append(Write("a", [counted(11)], expected=6))).versions == (7,)

    @on_store
    async def test_positions_are_not_given_again(self, store: EventStore) -> None:
        await fill(store, 5)
        last = await store.head()
        await store.remove(Cut("numbers", 6))
        done = await store.append(Write("other", [counted(1)]))
        assert done.first > last

    @on_store
    async def test_what_is_gone_is_not_asked_for_again(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 4))
        head = await store.head()
        assert await store.remove(Cut("a", 4)) == Removed(0, 0, 0)
        assert await store.remove(Cut("a", 2), Cut("b", 1)) == Removed(0, 0, 0)
        assert await store.remove() == Removed(0, 0, 0)
        assert await store.head() == head
        assert (await store.remove(Cut("a", 5))).events == 1

    @pytest.mark.parametrize(
        ("cuts", "error"),
        [
            ([Cut("b", 2), Cut("nothing", 2)], UnknownType),
            ([Cut("b", 2), Cut("a", 7)], BadInput),
            ([Cut("b", 2), Cut("b", 3)], BadInput),
        ],
    )
    @on_store
    async def test_what_is_not_there_is_refused_and_nothing_removed(
        self, store: EventStore, cuts: list[Cut], error: type[Exception]
    ) -> None:
        events = await two_streams(store)
        with pytest.raises(error):
            await store.remove(*cuts)
        assert await everything(store) == events

    @on_store
    async def test_repeated_appends_are_still_known(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 6))
        again = await store.append(Write("a", [counted(0)]), id="append-0")
        assert (again.repeated, again.versions) == (True, (1,))

    @on_store
    async def test_pages_go_on_over_what_is_gone(self, store: EventStore) -> None:
        for start in range(0, 30_000, 10_000):
            await store.append(Write("many", several(10_000, start)))
        await store.append(Write("few", several(3)))
        await store.remove(Cut("many", 30_001))
        assert values((await store.read(limit=2)).events) == [0, 1]
        assert values(await everything(store, query("conformance.counted"))) == [0, 1, 2]
        assert (await store.scan(limit=2)).count == 2

    @on_store
    async def test_a_subscription_goes_on_over_what_is_gone(self, store: EventStore) -> None:
        await two_streams(store)
        seen: list[str] = []
        async with aclosing(subscribe(store, limit=3)) as pages:
            async for page in pages:
                seen += [event.stream for event in page.events]
                if len(seen) == 3:
                    await store.remove(Cut("a", 6), Cut("b", 3))
                if page.position >= await store.head():
                    break
        assert seen == ["a", "b", "a", "b", "b", "b", REMOVALS]

    @with_places
    async def test_it_lasts(self, open_store: OpenStore) -> None:
        async with await open_store("main") as store:
            require(store, lambda can: can.durable, "durable")
            await two_streams(store)
            await store.remove(Cut("a", 6), Cut("b", 2))
            await store.close_stream("b")
            events = await everything(store)
        async with await open_store("main") as store:
            assert await everything(store) == events
            assert await store.marks() == [StreamMark("a", 5), StreamMark("b", 1, closed=True)]
            assert (await store.append(Write("a", [counted(1)]))).versions == (6,)

    @with_places
    async def test_other_processes_notice(self, open_store: OpenStore) -> None:
        async with await open_store("main") as store:
            require(store, lambda can: can.shared, "shared")
            async with await open_store("main") as other:
                await two_streams(store)
                await other.append(Write("a", [counted(10)]))
                await store.remove(Cut("a", 7))
                await store.close_stream("b")
                assert (await other.append(Write("a", [counted(11)], expected=6))).versions == (7,)
                with pytest.raises(StreamClosed):
                    await other.append(Write("b", [counted(11)]))


class TestFoldingWhatIsLeft:
    """A stream is never folded in part."""

    @on_store
    async def test_loading_asks_for_no_more_than_is_left(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 4))
        for after in (-1, 0, 2):
            with pytest.raises(StreamTruncated) as caught:
                await store.load("a", after=after)
            assert (caught.value.stream, caught.value.removed) == ("a", 3)
        batch = await store.load("a", after=3)
        assert (batch.count, batch.version) == (2, 5)
        assert (await store.load("a", after=5)).count == 0
        assert (await store.load("b")).count == 5

    @on_store
    async def test_neither_is_one_of_which_nothing_is_left(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 6))
        with pytest.raises(StreamTruncated):
            await store.load("a", limit=2)
        batch = await store.load("a", after=5)
        assert (batch.count, batch.version) == (0, 5)

    @on_store
    async def test_nothing_is_decided_on_a_part(self, store: EventStore) -> None:
        await two_streams(store)
        await store.remove(Cut("a", 4))
        head = await store.head()

        def decision(batches: Iterable[Batch]) -> list[NewEvent]:
            return [counted(len(list(batches)))]

        with pytest.raises(StreamTruncated):
            await store.decide("a", decision)
        assert await store.head() == head
        assert (await store.decide("b", decision)).versions == (6,)


class TestClosedStreams:
    """`close_stream`."""

    @on_store
    async def test_it_takes_no_more(self, store: EventStore) -> None:
        await two_streams(store)
        assert await store.close_stream("a", actor="ann", reason="done") == 5
        before = await everything(store)
        for expected in (None, 5):
            with pytest.raises(StreamClosed) as caught:
                await store.append(Write("a", [counted(10)], expected=expected))
            assert caught.value.stream == "a"
        with pytest.raises(StreamClosed):
            await store.append(Write("c", [counted(10)]), Write("a", [counted(10)]), id="both")
        with pytest.raises(StreamClosed):
            await store.decide("a", lambda batches: [counted(len(list(batches)))])
        assert await everything(store) == before
        assert await stream_of(store, "a") == [0, 2, 4, 6, 8]
        assert await records(store) == [(StreamWasClosed("a", 5, "done"), "ann")]

    @on_store
    async def test_closing_twice_is_harmless(self, store: EventStore) -> None:
        await fill(store, 3)
        await store.close_stream("numbers")
        head = await store.head()
        assert await store.close_stream("numbers") == 3
        assert await store.head() == head

    @on_store
    async def test_it_never_begins_again(self, store: EventStore) -> None:
        await fill(store, 3)
        await store.close_stream("numbers")
        await store.remove(Cut("numbers", 4))
        with pytest.raises(StreamClosed):
            await store.append(Write("numbers", [counted(1)]))
        with pytest.raises((StreamClosed, WrongExpectedVersion)):
            await store.append(Write("numbers", [counted(1)], expected=0))
        assert await store.marks() == [StreamMark("numbers", 3, closed=True)]

    @on_store
    async def test_one_that_is_not_there_cannot_be_closed(self, store: EventStore) -> None:
        with pytest.raises(UnknownType):
            await store.close_stream("nothing")
        await fill(store, 3)
        await store.remove(Cut("numbers", 2))
        with pytest.raises(BadInput):
            await store.close_stream(REMOVALS)

    @on_store
    async def test_what_came_with_an_id_before_is_answered(self, store: EventStore) -> None:
        await two_streams(store)
        await store.close_stream("a")
        assert (await store.append(Write("a", [counted(0)]), id="append-0")).repeated

    @on_store
    async def test_others_at_the_same_time_are_not_held_up(self, store: EventStore) -> None:
        await two_streams(store)
        await store.close_stream("a")
        names = ["a", "b", "c", "a", "d", "e"]
        tried = (store.append(Write(name, [counted(n)])) for n, name in enumerate(names))
        done = await asyncio.gather(*tried, return_exceptions=True)
        assert [isinstance(each, StreamClosed) for each in done] == [name == "a" for name in names]
        assert await stream_of(store, "d") == [4]


class TestPuttingBack:
    """`put_back`."""

    @on_store
    async def test_all_is_as_it_was(self, store: EventStore) -> None:
        events = await two_streams(store)
        await store.remove(Cut("a", 4), Cut("b", 6))
        gone = [event for event in events if event.stream == "b" or event.stream_version < 4]
        position = await store.put_back(gone, actor="bob", reason="needed")
        assert await store.head() == position
        assert (await everything(store))[: len(events)] == events
        assert values(await everything(store, query(tags=["even"]))) == [0, 2, 4, 6, 8]
        assert await records(store) == [
            (EventsRemoved(8, 2, {"a": 4, "b": 6}, ""), ""), (EventsPutBack(8, 2, "needed"), "bob")
        ]  # fmt: skip
        assert await store.marks() == []
        assert BatchDecoder[object](COUNTING).decode(await store.load("a"))
        assert (await store.append(Write("b", [counted(1)], expected=5))).versions == (6,)
        assert await store.check() == []

    @on_store
    async def test_from_the_end_on_in_parts(self, store: EventStore) -> None:
        events = await two_streams(store)
        await store.close_stream("a")
        await store.remove(Cut("a", 6))
        mine = [event for event in events if event.stream == "a"]
        await store.put_back(mine[2:])
        assert await store.marks() == [StreamMark("a", 2, closed=True)]
        with pytest.raises(StreamTruncated):
            await store.load("a")
        await store.put_back(mine[:2])
        assert await store.read_stream("a") == mine
        assert await store.marks() == [StreamMark("a", 0, closed=True)]

    @on_store
    async def test_others_are_refused(self, store: EventStore) -> None:
        events = await two_streams(store)
        await store.remove(Cut("a", 4))
        before = await everything(store)
        mine = [event for event in events if event.stream == "a"][:3]
        with pytest.raises(BadInput):
            await store.put_back([])
        elsewhere = [_moved(event, event.position + 1) for event in mine]
        beyond = [_moved(event, event.position + 1000) for event in mine]
        for wrong in (mine[:2], mine[::-1], [*mine, events[1]], mine[1:2], events[:2], elsewhere, beyond):
            with pytest.raises(Conflict):
                await store.put_back(wrong)
        assert await everything(store) == before


def _moved(event: Envelope, position: int) -> Envelope:
    return Envelope(
        position, event.stream, event.stream_version, event.id, event.type, event.type_version, event.data, event.time,
        event.tags, event.metadata,
    )  # fmt: skip


class TestMovingWhatIsLeft:
    """`marks` and `mark`: a store that has lost events is moved as others are."""

    @with_places
    async def test_everything_arrives_as_it_was(self, open_store: OpenStore) -> None:
        async with await open_store("old") as old, await open_store("new") as new:
            await two_streams(old)
            await old.remove(Cut("a", 4), Cut("b", 6))
            await old.close_stream("b")
            await new.mark(await old.marks())
            await new.restore(await everything(old))
            await new.mark(await old.marks())
            assert await everything(new) == await everything(old)
            assert await new.marks() == await old.marks()
            assert (await new.append(Write("a", [counted(1)]))).versions == (6,)
            with pytest.raises(StreamClosed):
                await new.append(Write("b", [counted(1)]))
            with pytest.raises(StreamTruncated):
                await new.load("a")

    @on_store
    async def test_marks_come_sorted_in_pages(self, store: EventStore) -> None:
        names = ["b", "a", "ü", "z", "B"]
        for name in names:
            await store.append(Write(name, several(2)))
            await store.remove(Cut(name, 2))
        found, after = list[StreamMark](), ""
        while page := await store.marks(after, limit=2):
            found, after = found + page, page[-1].stream
        assert found == [StreamMark(name, 1) for name in sorted(names)]

    @on_store
    async def test_a_mark_that_contradicts_what_is_there_is_refused(self, store: EventStore) -> None:
        await two_streams(store)
        for wrong in (2, 5, 6):
            with pytest.raises(Conflict):
                await store.mark([StreamMark("new", 3), StreamMark("a", wrong)])
        assert await store.marks() == []
        await store.mark([StreamMark("a", 0, closed=True)])
        assert await store.marks() == [StreamMark("a", 0, closed=True)]
