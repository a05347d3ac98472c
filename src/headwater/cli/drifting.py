"""`headwater schema drift`: the last messages of a topic, or events of a store, held against their classes."""

from typing import Any

from headwater.app import open_broker
from headwater.cli.opening import opened
from headwater.delivery.mapping import kind_of_record
from headwater.errors import BadInput, UnknownType
from headwater.fold import App
from headwater.messages import Kind
from headwater.schemas.drift import Drift, drift

NAMELESS = Kind("(without a type)", 0)


async def drift_of_topic(app: App, broker_url: str, topic: str, count: int) -> tuple[int, list[Drift]]:
    """How many of the last records of a topic were looked at, and how they differ."""
    found: list[tuple[Kind, bytes]] = []
    async with await open_broker(broker_url, create=False) as broker:
        known = {each.name for each in await broker.topics()}
        if topic not in known:
            raise UnknownType("topic", topic, tuple(known))
        ends = await broker.ends(topic)
        share = -(-count // max(len(ends), 1))
        for partition, (first, end) in ends.items():
            position = max(first, end - share)
            while position < end and (page := await broker.read(topic, partition, start=position)):
                found += [(_kind(record.headers), record.value) for record in page if record.offset < end]
                position = page[-1].offset + 1
    return len(found), drift(app.events, found)


def _kind(headers: Any) -> Kind:
    try:
        return kind_of_record(headers)
    except BadInput:
        return NAMELESS


async def drift_of_store(app: App, store_url: str, count: int) -> tuple[int, list[Drift]]:
    """The same of the last events of a store."""
    found: list[tuple[Kind, bytes]] = []
    async with opened(store_url) as store:
        head = await store.head()
        position = max(0, head - count)
        while position < head:
            page = await store.read(after=position)
            found += [(Kind(event.type, event.type_version), event.data) for event in page.events]
            position = max(page.position, position + 1)
    return len(found), drift(app.events, found)
