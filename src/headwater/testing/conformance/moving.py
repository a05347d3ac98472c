"""Moving: what one store has recorded, another one takes over to the letter."""

import msgspec
import pytest

from headwater.errors import Conflict
from headwater.messages import Condition, Metadata, NewEvent, Receipt, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import OpenStore, counted, everything, named, on_store, with_places


class TestMoving:
    """`restore` and `receipts`."""

    @with_places
    async def test_everything_arrives_as_it_was(self, open_store: OpenStore) -> None:
        async with await open_store("old") as old, await open_store("new") as new:
            meta = Metadata("correlation", "causation", "trace", "actor")
            await old.append(Write("a", [counted(1, "x", "y"), named("é", "x")]), Write("b", [counted(2)]), id="once")
            await old.append(Write("a", [NewEvent("odd", b'{"a": 1}', 7, ("z",), meta, "own id", 5)]))
            events = await everything(old)
            await new.restore(events[:3])
            await new.restore(events[3:], await old.receipts())
            assert await everything(new) == events
            assert await new.receipts() == await old.receipts()
            assert await everything(new, query(tags=["x"])) == events[:2]
            assert await new.read_stream("a") == await old.read_stream("a")
            again = await new.append(Write("c", [counted(9)]), id="once")
            assert (again.repeated, again.first, again.versions) == (True, 1, (2, 1))
            assert (await new.append(Write("a", [counted(3)], expected=3))).first == events[-1].position + 1

    @on_store
    async def test_gaps_stay(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(n) for n in range(3)]))
        first = await everything(store)
        later = [msgspec.structs.replace(each, position=each.position + 97, stream="b") for each in first]
        await store.restore(later)
        assert [event.position for event in await everything(store)] == [1, 2, 3, 98, 99, 100]
        assert [event.position for event in await everything(store, limit=2)] == [1, 2, 3, 98, 99, 100]
        assert await store.head() == 100
        assert [event.position for event in (await store.read(after=50)).events] == [98, 99, 100]
        assert (await store.scan(after=3, limit=2)).position == 99
        assert (await store.load("b")).position == 100
        assert (await store.append(Write("b", [counted(4)], expected=3))).last == 101
        assert (await store.size()).events == 7

    @on_store
    async def test_another_history_is_refused_whole(self, store: EventStore) -> None:
        await store.append(Write("a", [counted(n) for n in range(3)]))
        events = await everything(store)
        behind = [msgspec.structs.replace(events[0], position=3, stream="b")]
        hole = [msgspec.structs.replace(events[0], position=4, stream="b", stream_version=2)]
        late = [msgspec.structs.replace(events[n], position=4 + n, stream="b", stream_version=1) for n in range(2)]
        for wrong in (behind, hole, late):
            with pytest.raises(Conflict):
                await store.restore(wrong, [Receipt("x", 4, 4, (1,))])
        assert await everything(store) == events
        assert await store.receipts() == []
        await store.append(Write("b", [counted(4)], expected=0), condition=Condition(query(tags=["none"]), 0))

    @on_store
    async def test_receipts_come_by_id_in_pages(self, store: EventStore) -> None:
        ids = ["b", "a", "É", "10", "9", "Z"]
        for id in ids:
            await store.append(Write("a", [counted(1)]), id=id, fingerprint=f"of {id}")
        found, after = list[Receipt](), ""
        while page := await store.receipts(after, limit=2):
            assert len(page) <= 2
            found, after = found + page, page[-1].id
        assert [each.id for each in found] == sorted(ids)
        assert {each.fingerprint for each in found} == {f"of {id}" for id in ids}
        assert {each.first for each in found} == set(range(1, 7))
