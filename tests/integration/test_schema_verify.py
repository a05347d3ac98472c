"""`headwater schema verify`: every stored event decoded and upcast, on each kind of store."""

from headwater import App, NewEvent, SqlView, Write, event, open_store
from headwater.schemas.verifying import BATCH, verify, verify_sample
from headwater.store.port import EventStore
from headwater.testing.running import asynchronous
from headwater.upcasting import derived, renamed, upcast


@event("order.placed", version=3)
class Placed:
    id: str
    total: int
    lines: int = 0


@event("order.shipped")
class Shipped:
    id: str


def evolve(event: Placed | Shipped) -> list[tuple[str, list[str]]]:
    return []


HISTORY = [
    upcast("order.placed", 1, derived("lines", lambda data: len(data["items"]))),
    upcast("order.placed", 2, renamed("sum", "total")),
]
APP = App("orders", views=[SqlView("placed", {}, evolve)], upcasters=HISTORY)


def stored(type: str, version: int, data: str) -> NewEvent:
    return NewEvent(type, data.encode(), version)


async def fill(store: EventStore) -> None:
    good = [
        stored("order.placed", 1, '{"id":"1","sum":1,"items":[1]}'),
        stored("order.placed", 2, '{"id":"1","sum":1}'),
        stored("order.placed", 3, '{"id":"1","total":1}'),
        stored("order.shipped", 1, '{"id":"1"}'),
    ]
    for _ in range(3):
        await store.append(Write("s", good * (BATCH // 4)))
    await store.append(Write("bad", [stored("order.shipped", 1, '{"id":7}'), stored("order.shipped", 1, '{"id":8}')]))
    await store.append(Write("old", [stored("order.placed", 1, '{"id":"1","sum":1}')]))
    await store.append(Write("new", [stored("order.placed", 4, "{}"), stored("stock.counted", 1, "{}")]))
    await store.append(Write("s", good))


@asynchronous
async def test_all_that_fails_is_told_by_type_and_version(url: str) -> None:
    async with await open_store(url) as store:
        await fill(store)
        shown: list[tuple[int, int]] = []
        found = await verify(APP.events, store, lambda position, events: shown.append((position, events)))
        assert found.events == 3 * BATCH + 9 == (await store.size()).events
        assert shown[-1] == (await store.head(), found.events)
        assert not found.sound
        assert {(*kind, each.count, each.first, each.unknown) for kind, each in found.failures.items()} == {
            ("order.shipped", 1, 2, 3 * BATCH + 1, False),
            ("order.placed", 1, 1, 3 * BATCH + 3, False),
            ("order.placed", 4, 1, 3 * BATCH + 4, True),
            ("stock.counted", 1, 1, 3 * BATCH + 5, True),
        }
        assert "KeyError: 'items'" in found.failures["order.placed", 1].reason
        assert "Expected `str`, got `int` - at `$.id`" in found.failures["order.shipped", 1].reason
        assert found.kinds["order.placed", 2] == 3 * BATCH // 4 + 1


@asynchronous
async def test_a_sample_has_some_of_each_type_and_version(url: str) -> None:
    async with await open_store(url) as store:
        await fill(store)
        found = await verify_sample(APP.events, store, 40)
        assert set(found.kinds) == {
            ("order.placed", 1), ("order.placed", 2), ("order.placed", 3), ("order.placed", 4), ("order.shipped", 1),
            ("stock.counted", 1),
        }  # fmt: skip
        assert found.kinds["order.placed", 2] == found.kinds["order.shipped", 1] == 40
        assert {("order.placed", 4), ("stock.counted", 1)} <= set(found.failures)


@asynchronous
async def test_an_empty_store_is_sound(url: str) -> None:
    async with await open_store(url) as store:
        assert (await verify(APP.events, store)).sound
        assert (await verify_sample(APP.events, store, 10)).events == 0
