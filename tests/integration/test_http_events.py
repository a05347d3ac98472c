"""GET /events and /streams over a real server: pages of CloudEvents, and server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
from http_support import Served, over_http, served

from headwater.http import Limits
from headwater.messages import NewEvent, Write

SSE = {"accept": "text/event-stream"}


class Following:
    """What an event stream has brought."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def line(self, start: str) -> str:
        """The rest of the next line that begins so."""
        async for line in self._lines:
            if line.startswith(start):
                return line.removeprefix(start)
        raise EOFError(start)

    async def event(self) -> tuple[str, dict[str, Any]]:
        """Id and data of the next event."""
        return await self.line("id: "), json.loads(await self.line("data: "))

    async def end(self) -> list[str]:
        """What comes until the server ends it."""
        return [line async for line in self._lines if line]


@asynccontextmanager
async def following(server: Served, path: str, **headers: str) -> AsyncIterator[Following]:
    named = SSE | {key.replace("_", "-"): value for key, value in headers.items()}
    async with server.client.stream("GET", path, headers=named) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield Following(response)


@over_http
async def test_events_are_cloudevents(server: Served) -> None:
    content = {"order_id": "o1", "customer_id": "c1"}
    done = (await server.post("order.place", content, Idempotency_Key="k1", X_Correlation_ID="talk")).json()
    (event,) = (await server.client.get("/events")).json()
    assert event.pop("id")
    assert datetime.fromisoformat(event.pop("time")).tzinfo
    assert event == {
        "specversion": "1.0", "source": "urn:headwater:app:tiny", "type": "order.placed", "subject": "order-o1",
        "datacontenttype": "application/json", "data": done["events"][0]["data"], "position": "1",
        "streamversion": 1, "typeversion": 1, "partitionkey": "order-o1", "correlationid": "talk",
        "causationid": "k1", "tags": '["order:o1"]',
    }  # fmt: skip
    assert all(name.isascii() and name.isalnum() and name.islower() and len(name) <= 20 for name in event)


@over_http
async def test_pages_of_events(server: Served) -> None:
    for number in range(5):
        await server.place(f"o{number}")
    await server.post("order.cancel", {"order_id": "o0"})
    page = await server.client.get("/events?after=1&limit=2")
    assert [event["subject"] for event in page.json()] == ["order-o1", "order-o2"]
    assert (page.headers["headwater-position"], page.headers["headwater-head"]) == ("3", "6")
    some = await server.client.get("/events?types=order.cancelled")
    assert [event["position"] for event in some.json()] == ["6"]
    some = await server.client.get("/events?types=order.placed,order.cancelled&tags=order:o0")
    assert [event["type"] for event in some.json()] == ["order.placed", "order.cancelled"]
    batch = await server.client.get("/events", headers={"accept": "application/cloudevents-batch+json"})
    assert batch.headers["content-type"] == "application/cloudevents-batch+json"
    assert len(batch.json()) == 6


@over_http
async def test_a_stream(server: Served) -> None:
    await server.place("o1")
    await server.place("o2")
    await server.post("order.cancel", {"order_id": "o1"})
    answer = await server.client.get("/streams/order-o1?after=1")
    assert [(event["streamversion"], event["position"]) for event in answer.json()] == [(2, "3")]
    assert (await server.client.get("/streams/order-nobody")).json() == []
    for name in ("%20order", "a%00b", "x" * 256, ""):
        answer = await server.client.get(f"/streams/{name}")
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:headwater:problem:invalid-name")


@over_http
async def test_what_cannot_be_asked_is_a_400(server: Served) -> None:
    paths = ["/events?types=order.eaten", "/events?after=-1", "/events?tags=,", "/events?colour=red",
             "/events?tags=" + ",".join("x" * 17), "/streams/order-o1?types=order.placed"]  # fmt: skip
    for path in paths:
        assert (await server.client.get(path)).status_code == 400, path
        assert (await server.client.get(path, headers=SSE)).status_code == 400, path
    for last in ("x", "", "-1"):
        assert (await server.client.get("/events", headers=SSE | {"last-event-id": last})).status_code == 400


@over_http
async def test_an_event_stream_catches_up_and_goes_on(server: Served) -> None:
    await server.place("o1")
    async with following(server, "/events") as stream:
        id, event = await stream.event()
        assert (id, event["subject"], event["position"]) == ("1", "order-o1", "1")
        await server.place("o2")
        id, event = await stream.event()
        assert (id, event["subject"]) == ("2", "order-o2")


@over_http
async def test_who_comes_back_goes_on_after_the_last_event_seen(server: Served) -> None:
    for number in range(4):
        await server.place(f"o{number}")
    async with following(server, "/events?after=0", last_event_id="3") as stream:
        assert (await stream.event())[0] == "4"
    async with following(server, "/streams/order-o3", last_event_id="1") as stream:
        await server.post("order.cancel", {"order_id": "o3"})
        assert (await stream.event())[1]["streamversion"] == 2


@over_http
async def test_a_position_to_come_back_to_even_where_nothing_matches(server: Served) -> None:
    for number in range(3):
        await server.place(f"o{number}")
    async with following(server, "/events?types=order.cancelled") as stream:
        assert await stream.line("id: ") == "3"


@over_http
async def test_an_event_stream_of_one_stream(server: Served) -> None:
    async with following(server, "/streams/order-o1") as stream:
        await server.place("o2")
        await server.place("o1")
        id, event = await stream.event()
        assert (id, event["subject"], event["position"]) == ("1", "order-o1", "2")


@over_http
async def test_data_of_several_lines_is_one_line(server: Served) -> None:
    data = b'{"order_id":\r\n "o1",\n"customer_id": "a\\nb", "total": "1"}'
    await server.runtime.store.append(Write("order-o1", [NewEvent("order.placed", data)]))
    async with following(server, "/events") as stream:
        assert (await stream.event())[1]["data"] == json.loads(data)


@over_http
async def test_more_than_a_page_comes_whole_and_in_order(server: Served) -> None:
    await asyncio.gather(*(server.place(f"o{number}", note="x" * 2000) for number in range(250)))
    async with following(server, "/events") as stream:
        assert [(await stream.event())[0] for _ in range(250)] == [str(n) for n in range(1, 251)]


def test_silence_is_filled_with_comments() -> None:
    async def main() -> None:
        async with served(Limits(heartbeat=0.05)) as server:
            for path in ("/events", "/streams/order-o1"):
                async with following(server, path) as stream:
                    assert [await stream.line(": ") for _ in range(2)] == ["still here"] * 2

    asyncio.run(main())


def test_streams_are_counted_and_the_next_is_told_to_come_again() -> None:
    async def main() -> None:
        async with served(Limits(max_event_streams=1, heartbeat=0.05)) as server:
            async with following(server, "/events"):
                full = await server.client.get("/streams/order-o1", headers=SSE)
                assert (full.status_code, full.json()["bound"]) == (503, 1)
                assert int(full.headers["retry-after"]) >= 1
            await _until_accepted(server)

    asyncio.run(asyncio.wait_for(main(), 20))


async def _until_accepted(server: Served) -> None:
    """A client that hangs up makes room as soon as the server sees it."""
    while True:
        async with server.client.stream("GET", "/events", headers=SSE) as response:
            if response.status_code == 200:
                return


@over_http
async def test_a_head_request_ends(server: Served) -> None:
    answer = await server.client.head("/events", headers=SSE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


@over_http
async def test_a_client_who_does_not_read_is_waited_for_with_one_page(server: Served) -> None:
    """The server reads on only as the client does: what it has not read stays in the store."""
    asked = 0
    read = server.runtime.store.read

    async def counted(*args: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        return await read(*args, **more)

    server.runtime.store.read = counted  # type: ignore[method-assign]
    data = b'{"order_id":"o1","customer_id":"c1","total":"1","note":"%s"}' % (b"x" * 100_000)
    for start in range(20):
        events = [NewEvent("order.placed", data) for _ in range(50)]
        await server.runtime.store.append(Write(f"order-{start}", events))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
    writer.write(b"GET /events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n")
    await reader.readuntil(b"data: ")
    assert (await server.client.get("/health")).status_code == 200
    assert asked < 10, "100 MB in 10 pages were read for a client who took none of it"
    writer.close()
    await writer.wait_closed()
