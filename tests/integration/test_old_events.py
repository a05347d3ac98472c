"""Events of every version that was ever stored, on every way out of the store: commands, conditions, views, reactions,
consumers, the relay, HTTP."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from parcels import (
    COUNTING,
    KEEPING,
    PAST,
    THANKING,
    TOPIC,
    Parcel,
    SendFew,
    SendIt,
    app_of,
    parcels,
    signatures,
    table,
)

from headwater import NewEvent, Rejected, Runtime, Unknown, Write, open_store
from headwater.delivery.mapping import event_record
from headwater.errors import UnknownType, ViewStopped
from headwater.fold import AnyView
from headwater.testing.running import asynchronous

ROWS = {
    "1": Parcel("1", "Ann", 100, 1, "Bob"),
    "2": Parcel("2", "Ann", 100),
    "3": Parcel("3", "Cid", 100, 1),
}
NEWER = NewEvent("parcel.sent", b'{"parcel":"4","address":{}}', 4)


async def written(url: str, *more: Write) -> None:
    async with await open_store(url) as store:
        for stream, events in PAST.items():
            await store.append(Write(stream, events))
        for each in more:
            await store.append(each)


@asynccontextmanager
async def opened(url: str, *after: Write, **more: Any) -> AsyncIterator[Runtime]:
    await written(url, *after)
    async with Runtime.open(app_of(**more), url, broker="memory:" if "topics" in more else "") as runtime:
        yield runtime


@asynchronous
async def test_commands_are_decided_on_all_that_was(kept_url: str) -> None:
    async with opened(kept_url) as runtime:
        for parcel, row in ROWS.items():
            loaded = await runtime.executor.load(parcels, f"parcel-{parcel}")
            assert loaded.state == row
            with pytest.raises(Rejected, match=f"it went to {row.to}"):
                await runtime.execute(SendIt(parcel, "Eve"))
        done = await runtime.execute(SendIt("5", "Eve"), id="once")
        assert (await runtime.execute(SendIt("5", "Eve"), id="once")).events == done.events


@asynchronous
async def test_a_condition_sees_what_bears_another_name_in_the_store(kept_url: str) -> None:
    async with opened(kept_url) as runtime:
        with pytest.raises(Rejected, match="enough"):
            await runtime.execute(SendFew("6", "Ann"))  # one of the two was stored under a name of before
        assert (await runtime.execute(SendFew("6", "Cid"))).events


@pytest.mark.parametrize("inline", [False, True])
@asynchronous
async def test_views_are_built_from_all_versions(kept_url: str, inline: bool) -> None:
    views = [replace(table, inline=inline), replace(signatures, inline=inline)]
    async with opened(kept_url, views=views) as runtime:
        await runtime.idle()
        assert {row.parcel: row for row in await runtime.find(table)} == ROWS
        assert await runtime.sql("SELECT parcel, signer FROM signatures") == [{"parcel": "1", "signer": "Bob"}]
        assert (await runtime.execute(SendIt("5", "Eve"))).events
        await runtime.idle()
        assert await runtime.get(table, "5") == Parcel("5", "Eve", 1)


@asynchronous
async def test_reactions_get_each_part(kept_url: str) -> None:
    async with opened(kept_url, reactions=[THANKING]) as runtime:
        await runtime.idle()
        row = await runtime.get(table, "1")
        assert row is not None
        assert row.thanked == 1
        (thanked,) = [each for each in (await runtime.store.read()).events if each.type == "parcel.thanked"]
        old = next(each for each in (await runtime.store.read()).events if each.type == "parcel.handed_over")
        assert thanked.metadata.causation_id == f"thanks:{old.id}/1:0"


@asynchronous
async def test_a_topic_gets_what_they_are_today(kept_url: str) -> None:
    more: dict[str, Any] = {"topics": [TOPIC], "consumers": [KEEPING, COUNTING], "reactions": [THANKING]}
    async with opened(kept_url, **more) as runtime:
        await runtime.idle()
        rows = await runtime.sql("SELECT id, type, version FROM seen ORDER BY place")
        assert [(row["type"], row["version"]) for row in rows] == [
            ("parcel.sent", 3), ("parcel.delivered", 1), ("parcel.signed", 1), ("parcel.sent", 3), ("parcel.sent", 3),
            ("parcel.delivered", 1),
        ]  # fmt: skip
        assert rows[2]["id"] == f"{rows[1]['id']}/1"
        assert len(await _told(runtime)) == 3
        row = await runtime.get(table, "1")
        assert row is not None
        assert row.thanked == 1


@asynchronous
async def test_records_of_before_are_upcast_by_who_reads_them(url: str) -> None:
    async with Runtime.open(
        app_of(topics=[replace(TOPIC, events=())], consumers=[COUNTING]), url, broker="memory:"
    ) as runtime:
        old = PAST["parcel-1"][2]
        assert runtime.broker is not None
        await runtime.broker.publish("parcels", [event_record(old, "1", "test", 1, id="a")] * 2)
        await runtime.idle()
        assert await _told(runtime) == [("1", "Delivered"), ("1", "Signed")]


async def _told(runtime: Runtime) -> Sequence[tuple[str, str]]:
    rows = await runtime.sql("SELECT parcel, what FROM told ORDER BY parcel, what")
    return [(row["parcel"], row["what"]) for row in rows]


@pytest.mark.parametrize("view", [table, signatures], ids=lambda view: view.name)
@asynchronous
async def test_a_view_stops_before_what_is_newer_or_goes_on_without_it(kept_url: str, view: AnyView) -> None:
    newer = NEWER if view is table else NewEvent("parcel.signed", b'{"parcel":"4"}', 2)
    await written(kept_url, Write("parcel-4", [newer]), Write("parcel-3", PAST["parcel-1"][2:]))
    async with Runtime.open(app_of(views=[view]), kept_url) as runtime:
        with pytest.raises(ViewStopped, match=rf"unknown event '{newer.type} \(version {newer.type_version}\)'"):
            await runtime.idle()
        (build,) = await runtime.builds()
        assert 0 < build.position < (await runtime.store.head()) - 1
    async with Runtime.open(app_of(views=[replace(view, unknown=Unknown.SKIP)]), kept_url) as runtime:
        head = await runtime.idle()
        (build,) = await runtime.builds()
        assert build.position == head


@asynchronous
async def test_nothing_is_decided_on_half_of_a_state(kept_url: str) -> None:
    async with opened(kept_url, Write("parcel-4", [NEWER]), views=[]) as runtime:
        head = await runtime.store.head()
        with pytest.raises(UnknownType, match=r"parcel\.sent \(version 4\)"):
            await runtime.execute(SendIt("4", "Eve"))
        assert await runtime.store.head() == head
