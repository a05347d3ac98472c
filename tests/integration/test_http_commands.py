"""POST /commands over a real server: what is answered, counted once, and refused."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from http_support import Served, over_http, served
from starlette.types import Message

from headwater.http import Limits
from headwater.http.deadlines import Deadlines
from headwater.http.wire import Unread, read_body
from headwater.messages import ALL

PROBLEM = "application/problem+json"


@over_http
async def test_a_command_answers_with_its_events(server: Served) -> None:
    answer = await server.place("o1", total="12.34")
    assert answer.status_code == 200
    assert answer.headers["headwater-position"] == "1"
    body = answer.json()
    assert body.pop("id")
    data = {"order_id": "o1", "customer_id": "c1", "total": "12.34", "note": ""}
    assert body == {
        "stream": "order-o1", "version": 1, "position": 1, "repeated": False,
        "events": [{"type": "order.placed", "version": 1, "data": data}],
    }  # fmt: skip


@over_http
async def test_a_command_without_events_is_fine(server: Served) -> None:
    answer = await server.post("order.cancel", {"order_id": "o1"})
    assert (answer.status_code, answer.json()["events"], answer.json()["version"]) == (200, [], 0)


@over_http
async def test_headers_become_metadata(server: Served) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    content = {"order_id": "o1", "customer_id": "c1"}
    headers = {"Idempotency_Key": '"k 1"', "traceparent": trace, "X_Correlation_ID": "talk-7", "X_Actor": "mallory"}
    answer = await server.post("order.place", content, **headers)
    assert answer.json()["id"] == "k 1"
    (recorded,) = (await server.runtime.store.read(ALL)).events
    about = recorded.metadata
    assert (about.correlation_id, about.causation_id, about.traceparent, about.actor) == ("talk-7", "k 1", trace, "")


def test_the_actor_is_whom_the_gateway_names() -> None:
    async def main() -> None:
        async with served(actor_header="X-Actor") as server:
            await server.post("order.place", {"order_id": "o1", "customer_id": "c1"}, X_Actor="ann")
            (recorded,) = (await server.runtime.store.read(ALL)).events
            assert recorded.metadata.actor == "ann"

    asyncio.run(main())


@over_http
async def test_a_malformed_trace_is_left_out(server: Served) -> None:
    answer = await server.post("order.place", {"order_id": "o1", "customer_id": "c1"}, traceparent="zz")
    assert answer.status_code == 200
    (recorded,) = (await server.runtime.store.read(ALL)).events
    assert recorded.metadata.traceparent == ""


@over_http
async def test_the_same_key_returns_the_first_result(server: Served) -> None:
    content = {"order_id": "o1", "customer_id": "c1"}
    first = (await server.post("order.place", content, Idempotency_Key="k1")).json()
    again = (await server.post("order.place", content, Idempotency_Key='"k1"')).json()
    assert again == {**first, "repeated": True}
    assert await server.runtime.store.head() == 1


@over_http
async def test_the_same_key_at_once_counts_once(server: Served) -> None:
    content = {"order_id": "o1", "customer_id": "c1"}
    answers = await asyncio.gather(*(server.post("order.place", content, Idempotency_Key="k1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["position"] for answer in answers} == {1}
    assert await server.runtime.store.head() == 1


@over_http
async def test_the_same_key_for_another_content_is_refused(server: Served) -> None:
    await server.post("order.place", {"order_id": "o1", "customer_id": "c1"}, Idempotency_Key="k1")
    answer = await server.post("order.place", {"order_id": "o2", "customer_id": "c1"}, Idempotency_Key="k1")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert (answer.json()["type"], answer.json()["id"]) == ("urn:headwater:problem:id-reused", "k1")


@over_http
async def test_the_domain_says_no(server: Served) -> None:
    await server.place("o1")
    answer = await server.place("o1")
    assert answer.status_code == 422
    assert answer.json() == {
        "type": "urn:headwater:problem:rejected", "title": "Rejected", "status": 422, "detail": "order o1 exists",
        "code": "order-exists", "reason": "order o1 exists", "facts": {"order_id": "o1", "status": "placed"},
    }  # fmt: skip


MALFORMED = {
    "not JSON": b"{",
    "nothing": b"",
    "not UTF-8": b'{"order_id": "\xff"}',
    "another shape": b'["o1"]',
    "a missing field": b"{}",
    "an unknown field": b'{"order_id": "o1", "customer_id": "c1", "colour": "red"}',
    "a field of another type": b'{"order_id": 1, "customer_id": "c1"}',
    "a lone surrogate": b'{"order_id": "o1", "customer_id": "\\ud800"}',
    "thousands of digits": b'{"order_id": "o1", "customer_id": "c1", "total": ' + b"9" * 10_000 + b"e}",
    "brackets without end": b"[" * 100_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_content_is_a_400(body: bytes) -> None:
    async def main() -> None:
        async with served() as server:
            headers = {"content-type": "application/json"}
            answer = await server.client.post("/commands/order.place", content=body, headers=headers)
            assert answer.status_code == 400
            assert answer.json()["type"] == "urn:headwater:problem:malformed-data"
            assert await server.runtime.store.head() == 0

    asyncio.run(main())


@over_http
async def test_an_unknown_command_is_a_404_that_says_which_there_are(server: Served) -> None:
    answer = await server.post("order.eat", {})
    assert answer.status_code == 404
    assert answer.json()["known"] == ["order.place", "order.cancel", "order.break"]


@over_http
async def test_a_bug_is_a_500_that_says_nothing(server: Served) -> None:
    answer = await server.post("order.break", {"order_id": "o1"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["type"] == "urn:headwater:problem:internal"


@over_http
async def test_an_event_above_the_stores_limit_is_a_413(server: Served) -> None:
    async with served(Limits(max_body_bytes=4 * 1024 * 1024)) as generous:
        answer = await generous.place("o1", note="x" * (1024 * 1024 + 1))
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:headwater:problem:event-too-large"
        assert answer.json()["event_type"] == "order.placed"


@over_http
async def test_only_json_that_says_so_is_taken(server: Served) -> None:
    for headers in ({"content-type": "text/plain"}, {}, {"content-type": "application/jsonx"}):
        answer = await server.client.post("/commands/order.place", content=b"{}", headers=headers)
        assert answer.status_code == 415
    content = json.dumps({"order_id": "o1", "customer_id": "c1"})
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await server.client.post("/commands/order.place", content=content, headers=headers)).status_code == 200


@over_http
async def test_keys_have_a_form(server: Served) -> None:
    for key in ("", '""', "x" * 256, "a\tb", 'a"b', "é".encode()):
        content, name = b'{"order_id": "o1", "customer_id": "c1"}', "/commands/order.place"
        headers = {"content-type": "application/json", "Idempotency-Key": key}
        answer = await server.client.post(name, content=content, headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 400, key
        assert answer.json()["type"] == "urn:headwater:problem:invalid-name"
    assert await server.runtime.store.head() == 0


@over_http
async def test_paths_and_methods(server: Served) -> None:
    answer = await server.client.get("/commands/order.place")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in ("/", "/nowhere", "/commands", "/commands/order.place/", "/events/"):
        answer = await server.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path


@over_http
async def test_a_declared_length_above_the_limit_is_refused_unread(server: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /commands/order.place HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                 b"content-length: 99999999999\r\n\r\n")  # fmt: skip
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head
    writer.close()
    await writer.wait_closed()


def test_a_body_in_chunks_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 20_000_000:
            sent += 10_000
            yield b" " * 10_000

    async def main() -> None:
        async with served(Limits(max_body_bytes=50_000)) as server:
            headers = {"content-type": "application/json"}
            answer = await server.client.post("/commands/order.place", content=endless(), headers=headers)
            assert answer.status_code == 413
            assert answer.json()["limit"] == 50_000
            assert (await server.place("o1")).status_code == 200

    asyncio.run(main())
    assert sent >= 50_000


def test_no_more_is_held_than_the_limit() -> None:
    parts = 0

    async def endless() -> Message:
        nonlocal parts
        parts += 1
        assert parts < 10
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    with pytest.raises(Unread, match="longer than 2500 bytes"):
        asyncio.run(read_body({}, endless, 2500, Deadlines(10)))
    assert parts == 3


def test_a_body_as_long_as_the_limit_is_taken() -> None:
    content = b'{"order_id": "o1", "customer_id": "c1"}'

    async def main() -> None:
        async with served(Limits(max_body_bytes=len(content))) as server:
            headers = {"content-type": "application/json"}
            path = "/commands/order.place"
            assert (await server.client.post(path, content=content, headers=headers)).status_code == 200
            assert (await server.client.post(path, content=content + b" ", headers=headers)).status_code == 413

    asyncio.run(main())


def test_a_body_that_trickles_is_a_408() -> None:
    async def main() -> None:
        async with served(Limits(body_timeout=0.05)) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST /commands/order.place HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                         b"content-length: 20\r\n\r\n{")  # fmt: skip
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in head
            assert b"urn:headwater:problem:request-timeout" in await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


@over_http
async def test_who_hangs_up_while_sending_leaves_nothing_behind(server: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /commands/order.place HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                 b"content-length: 40\r\n\r\n{")  # fmt: skip
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await server.place("o1")).json()["position"] == 1
