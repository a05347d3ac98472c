"""Batches: runs of events made to be decoded and folded in one step."""

import json
from typing import Any

from headwater.codec import BatchDecoder
from headwater.messages import Batch, NewEvent, Query, QueryItem, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import (
    CATALOG,
    Counted,
    Named,
    counted,
    everything,
    fill,
    named,
    on_store,
    several,
)


def decoded(batch: Batch) -> list[Any]:
    """A batch's events by a new decoder."""
    events: list[Any] = BatchDecoder[Any](CATALOG).decode(batch)
    assert len(events) == batch.count
    return events


class TestLoad:
    """`load` gives a stream to be folded."""

    @on_store
    async def test_it_has_the_streams_events_in_order(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(1), named("x"), counted(2)]), Write("b", [counted(9)]))
        await store.append(Write("a", [named("y")]))
        batch = await store.load("a")
        assert decoded(batch) == [Counted(1), Named("x"), Counted(2), Named("y")]
        assert (batch.count, batch.version) == (4, 4)
        assert batch.position == (await store.read_stream("a"))[-1].position

    @on_store
    async def test_a_missing_stream_is_empty(self, store: EventStore) -> None:
        await fill(store, 3)
        batch = await store.load("nothing")
        assert (batch.count, batch.version, batch.position) == (0, 0, 0)
        assert decoded(batch) == []
        assert json.loads(batch.json) == []

    @on_store
    async def test_it_goes_on_from_a_version(self, store: EventStore) -> None:
        await fill(store, 10)
        batch = await store.load("numbers", after=4, limit=3)
        assert decoded(batch) == [Counted(4), Counted(5), Counted(6)]
        assert batch.version == 7
        nothing = await store.load("numbers", after=10)
        assert (nothing.count, nothing.version) == (0, 10)

    @on_store
    async def test_its_version_is_the_next_expected_one(self, store: EventStore) -> None:
        for n in range(5):
            batch = await store.load("numbers")
            await store.append(Write("numbers", [counted(n)], expected=batch.version))
        assert (await store.load("numbers")).version == 5


class TestScan:
    """`scan` gives what `read` gives, to be folded."""

    @on_store
    async def test_it_has_what_read_has(self, store: EventStore) -> None:
        for n in range(20):
            await store.append(Write(f"s-{n % 3}", [counted(n, "even") if n % 2 == 0 else named(str(n), f"tag-{n}")]))
        for wanted in (
            Query(),
            query("conformance.named"),
            query("never.heard_of"),
            query(tags=["even"]),
            query("conformance.named", tags=["tag-3"]),
            Query((QueryItem(),)),
            Query((QueryItem(("conformance.counted",)), QueryItem((), ("tag-5",)))),
        ):
            for after, limit in ((0, 1000), (0, 3), (7, 1000), (7, 2), (20, 5), (25, 5)):
                batch = await store.scan(wanted, after=after, limit=limit)
                page = await store.read(wanted, after=after, limit=limit)
                assert decoded(batch) == [one for event in page.events for one in CATALOG.decode(event)]
                assert batch.position == page.position

    @on_store
    async def test_it_can_be_paged_to_the_head(self, store: EventStore) -> None:
        await fill(store, 100)
        head, after, found = await store.head(), 0, []
        while after < head:
            batch = await store.scan(after=after, limit=7)
            found += decoded(batch)
            after = batch.position
        assert found == [Counted(n) for n in range(100)]

    @on_store
    async def test_an_empty_store_has_an_empty_batch(self, store: EventStore) -> None:
        batch = await store.scan()
        assert (batch.count, batch.position, json.loads(batch.json)) == (0, 0, [])


class TestKinds:
    """A batch names kinds by numbers, which a decoder may learn once."""

    @on_store
    async def test_one_decoder_follows_as_kinds_are_added(self, store: EventStore) -> None:
        decoder = BatchDecoder[Any](CATALOG)
        after = 0
        for new, expected in ((counted(1), Counted(1)), (named("x"), Named("x")), (counted(2), Counted(2))):
            await store.append(Write("a", [new]))
            batch = await store.scan(after=after)
            assert decoder.decode(batch) == [expected]
            after = batch.position
        assert decoder.decode(await store.load("a")) == [Counted(1), Named("x"), Counted(2)]

    @on_store
    async def test_kinds_are_one_object_that_only_grows(self, store: EventStore) -> None:
        await store.append(Write("a", several(1)))
        first = await store.scan()
        known = list(first.kinds)
        await store.append(Write("a", [named("x"), NewEvent("other", b"{}")]))
        second = await store.load("a")
        assert second.kinds is first.kinds
        assert list(second.kinds[: len(known)]) == known
        assert ("other", 1) in second.kinds

    @on_store
    async def test_every_number_names_its_events_kind(self, store: EventStore) -> None:
        new = [NewEvent(f"type-{n % 5}", b"%d" % n, type_version=1 + n % 2) for n in range(20)]
        await store.append(Write("a", new))
        batch = await store.scan()
        pairs = [(batch.kinds[number], data) for number, data in json.loads(batch.json)]
        assert pairs == [((event.type, event.type_version), n) for n, event in enumerate(new)]
        assert pairs == [((e.type, e.type_version), json.loads(e.data)) for e in await everything(store)]
