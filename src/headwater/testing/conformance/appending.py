"""Appending: what goes in comes out, in order, in one piece."""

from datetime import UTC, datetime

import pytest

from headwater.clock import ManualClock, to_micros
from headwater.errors import WrongExpectedVersion
from headwater.messages import Metadata, NewEvent, Write
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import (
    OpenStore,
    counted,
    everything,
    fill,
    named,
    on_store,
    several,
    stream_of,
    values,
    with_places,
)


class TestAppending:
    """An append records all of its events, or none."""

    @on_store
    async def test_a_new_store_is_empty(self, store: EventStore) -> None:
        assert await store.head() == 0
        assert await everything(store) == []

    @on_store
    async def test_an_append_says_where_its_events_are(self, store: EventStore) -> None:
        done = await store.append(Write("numbers", several(3)))
        events = await everything(store)
        assert (done.first, done.last) == (events[0].position, events[-1].position)
        assert done.versions == (3,)
        assert not done.repeated
        assert await store.head() == done.last

    @on_store
    async def test_what_was_appended_can_be_read_at_once(self, store: EventStore) -> None:
        for n in range(20):
            done = await store.append(Write("numbers", [counted(n)]))
            assert (await store.read(after=done.first - 1)).events[0].position == done.first
            assert (await store.read_stream("numbers", after=n))[0].position == done.first

    @on_store
    async def test_events_keep_their_order(self, store: EventStore) -> None:
        await fill(store, 50)
        await store.append(Write("numbers", several(50, start=50)))
        assert values(await everything(store)) == list(range(100))
        assert [event.stream_version for event in await store.read_stream("numbers")] == list(range(1, 101))

    @on_store
    async def test_positions_rise_over_all_streams(self, store: EventStore) -> None:
        for n in range(30):
            await store.append(Write(f"stream-{n % 4}", several(1 + n % 3)))
        positions = [event.position for event in await everything(store)]
        assert positions == sorted(set(positions))
        assert positions[0] >= 1

    @with_places
    async def test_an_event_keeps_all_that_it_came_with(self, open_store: OpenStore) -> None:
        moment = datetime(2031, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
        origin = Metadata("a conversation", "a cause", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ann")
        new = NewEvent("order.placed", b'{"total":"12.50"}', 7, ("order:1", "customer:2"), origin, "an-id")
        async with await open_store("main", clock=ManualClock(moment)) as store:
            done = await store.append(Write("order-1", [new]))
            for found in ((await store.read()).events[0], (await store.read_stream("order-1"))[0]):
                assert (found.position, found.stream, found.stream_version) == (done.first, "order-1", 1)
                assert (found.type, found.type_version, found.data) == (new.type, 7, new.data)
                assert (found.tags, found.metadata, found.id) == (new.tags, origin, "an-id")
                assert found.time == to_micros(moment)
                assert found.recorded_at == moment

    @on_store
    async def test_an_event_without_an_id_gets_one(self, store: EventStore) -> None:
        await fill(store, 100)
        ids = {event.id for event in await everything(store)}
        assert len(ids) == 100
        assert "" not in ids
        assert {event.id for event in await everything(store)} == ids, "they do not change"

    @on_store
    async def test_a_thousand_events_in_one_append(self, store: EventStore) -> None:
        done = await store.append(Write("numbers", several(1000)))
        assert done.versions == (1000,)
        assert values(await everything(store)) == list(range(1000))


class TestSeveralStreams:
    """One append may write several streams: all of them, or none."""

    @on_store
    async def test_all_are_written_in_the_order_of_the_writes(self, store: EventStore) -> None:
        await fill(store, 2, "b")
        done = await store.append(Write("a", [named("x")]), Write("b", [named("y"), named("z")]))
        assert done.versions == (1, 4)
        assert values(await everything(store))[2:] == ["x", "y", "z"]
        assert await stream_of(store, "a") == ["x"]
        assert await stream_of(store, "b") == [0, 1, "y", "z"]

    @on_store
    async def test_one_wrong_version_refuses_all(self, store: EventStore) -> None:
        await fill(store, 2, "b")
        head = await store.head()
        with pytest.raises(WrongExpectedVersion) as caught:
            await store.append(Write("a", [named("x")], expected=0), Write("b", [named("y")], expected=1))
        assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("b", 1, 2)
        assert await store.head() == head
        assert await stream_of(store, "a") == []
        assert await stream_of(store, "b") == [0, 1]

    @on_store
    async def test_a_write_without_events_only_asks_for_its_version(self, store: EventStore) -> None:
        await fill(store, 2, "b")
        done = await store.append(Write("a", [named("x")]), Write("b", [], expected=2), Write("c", [], expected=0))
        assert done.versions == (1, 2, 0)
        with pytest.raises(WrongExpectedVersion):
            await store.append(Write("a", [named("y")]), Write("b", [], expected=3))
        done = await store.append(Write("c", [named("z")], expected=0))
        assert done.versions == (1,)
        assert await stream_of(store, "a") == ["x"]
