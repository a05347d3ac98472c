"""What happened: everything that was recorded because of one order, and what caused what."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headwater.app import Runtime
from headwater.messages import Envelope
from headwater_shop.web.page import page, visit
from headwater_shop.web.tracking import found

MOST_EVENTS: Final = 200
MOST_SCANNED: Final = 20_000
_STEP: Final = 1000


class Happening(msgspec.Struct, frozen=True):
    """A recorded event. `cause` is the position of the event that led to it, by way of the reaction `by`."""

    event: Envelope
    data: str
    by: str = ""
    cause: int = 0
    depth: int = 0
    after_ms: int = 0


class Story(msgspec.Struct, frozen=True):
    """The happenings in their order; `whole` unless the store holds too much to look through."""

    happenings: list[Happening]
    whole: bool


async def show(request: Request) -> Response:
    """GET /orders/{order_id}/story"""
    coming = await visit(request)
    runtime = coming.insight.runtime
    order = await found(coming, request.path_params["order_id"])
    whole_story = await story(runtime, order.order_id)
    if not whole_story.happenings:
        raise HTTPException(404, "Nothing has been recorded for this order yet.")
    # What events hold of people is for their customer alone; imported history names nobody.
    open = order.status == "imported" or order.customer_id == coming.shopper.customer_id
    return await page(coming, "story.html", order=order, story=whole_story, open=open)


async def story(runtime: Runtime, order_id: str) -> Story:
    """All events of the conversation that the order belongs to."""
    own = await runtime.store.read_stream(f"order-{order_id}", limit=MOST_EVENTS)
    if not own:
        imported = await runtime.store.read_stream(f"invoice-{order_id}", limit=MOST_EVENTS)
        return Story(told(imported), len(imported) < MOST_EVENTS)
    events, whole = await _conversation(runtime, own)
    return Story(told(events), whole)


async def _conversation(runtime: Runtime, own: list[Envelope]) -> tuple[list[Envelope], bool]:
    """The events with the order's correlation id, from a little before its first to a little after its last one."""
    correlation = own[0].metadata.correlation_id
    position, last = max(0, own[0].position - _STEP), own[-1].position + _STEP
    stop = min(last, position + MOST_SCANNED)
    events: list[Envelope] = []
    while position < stop and len(events) < MOST_EVENTS:
        page = await runtime.store.read(after=position, limit=_STEP)
        events += [event for event in page.events if event.metadata.correlation_id == correlation]
        if page.position == position:
            break
        position = page.position
    return events[:MOST_EVENTS], stop == last


def told(events: Iterable[Envelope]) -> list[Happening]:
    """Events with their causes: a reaction's command is called `<reaction>:<id of the event>:<number>`."""
    by_id: dict[str, Happening] = {}
    first = 0
    for event in events:
        first = first or event.time
        reaction, _, rest = event.metadata.causation_id.partition(":")
        cause = by_id.get(rest.rpartition(":")[0])
        by_id[event.id] = Happening(
            event,
            _pretty(event.data),
            reaction if cause else "",
            cause.event.position if cause else 0,
            cause.depth + 1 if cause else 0,
            (event.time - first) // 1000,
        )
    return list(by_id.values())


def _pretty(data: bytes) -> str:
    fields: Mapping[str, Any] = json.loads(data)
    return json.dumps(fields, indent=2, ensure_ascii=False)
