"""What POST /topics refuses, over a real server: each with its status, saying where; and the document says so."""

import asyncio
import json
from typing import Any

import httpx
import jsonschema_rs
import pytest
from http_topics import (
    BATCH,
    LINES,
    PLAIN,
    PROBLEM,
    STRUCTURED,
    ServedTopics,
    cloud_event,
    over_topics,
    topics_served,
)

from headwater.app import Runtime
from headwater.errors import AcknowledgementLost, CircuitOpen, StoreError, StoreUnavailable, TimedOut, Unsupported
from headwater.fold import App
from headwater.http import Limits, http_app, serving
from headwater.http.problems import problem_of
from headwater.messages import NewRecord
from headwater.streaming.records import Confirmed

MALFORMED: dict[str, tuple[Any, str, str, str]] = {
    "not JSON": (b"{", STRUCTURED, "CloudEvent", ""),
    "nothing": (b"", STRUCTURED, "CloudEvent", ""),
    "not UTF-8": (b'{"id": "\xff"}', STRUCTURED, "CloudEvent", ""),
    "not UTF-8 in the data": (b'{"data": "\xff"}', STRUCTURED, "CloudEvent", "utf-8"),
    "another shape": (["e1"], STRUCTURED, "CloudEvent", ""),
    "no id": ({"specversion": "1.0", "source": "/", "type": "t"}, STRUCTURED, "CloudEvent", "'id'"),
    "an empty id": (cloud_event(""), STRUCTURED, "CloudEvent", "'id'"),
    "an id that is null": (cloud_event() | {"id": None}, STRUCTURED, "CloudEvent", "'id'"),
    "another version": (cloud_event() | {"specversion": "0.3"}, STRUCTURED, "CloudEvent", "'specversion'"),
    "a source with spaces": (cloud_event(source="a b"), STRUCTURED, "CloudEvent", "'source'"),
    "a source in Greek": (cloud_event(source="/α"), STRUCTURED, "CloudEvent", "'source'"),
    "a name in capitals": (cloud_event(Note="x"), STRUCTURED, "CloudEvent", "'Note'"),
    "a subject that is a number": (cloud_event(subject=7), STRUCTURED, "CloudEvent", "'subject'"),
    "an object as attribute": (cloud_event(note={}), STRUCTURED, "CloudEvent", "'note'"),
    "a fraction as attribute": (cloud_event(note=1.5), STRUCTURED, "CloudEvent", "'note'"),
    "a content type of two lines": (cloud_event(data=1, datacontenttype="a/json\nb"), STRUCTURED, "CloudEvent",
                                    "'datacontenttype'"),
    "a large number": (cloud_event(note=2**31), STRUCTURED, "CloudEvent", "'note'"),
    "thousands of digits": (b'{"note": ' + b"9" * 10_000 + b"}", STRUCTURED, "CloudEvent", "'note'"),
    "a control character": (cloud_event(note="a\nb"), STRUCTURED, "CloudEvent", "'note'"),
    "half a character": (b'{"id": "\\ud800"}', STRUCTURED, "CloudEvent", ""),
    "a time without offset": (cloud_event(time="2024-11-04T10:00:00"), STRUCTURED, "CloudEvent", "'time'"),
    "a time that never was": (cloud_event(time="2024-11-31T10:00:00Z"), STRUCTURED, "CloudEvent", "'time'"),
    "a time in year 10000": (cloud_event(time="9999-12-31T23:59:59-14:00"), STRUCTURED, "CloudEvent", "'time'"),
    "no object in a batch": ([cloud_event(), 7], BATCH, "batch of CloudEvents", "$[1]"),
    "an empty subject": (cloud_event(subject=""), STRUCTURED, "CloudEvent", "'subject'"),
    "a type version": (cloud_event(typeversion="x"), STRUCTURED, "CloudEvent", "'typeversion'"),
    "data twice": (cloud_event(data=1, data_base64="AA=="), STRUCTURED, "CloudEvent", "'data_base64'"),
    "no Base64": (cloud_event(data_base64="?"), STRUCTURED, "CloudEvent", "'data_base64'"),
    "XML that is a number": (cloud_event(data=1, datacontenttype="text/xml"), STRUCTURED, "CloudEvent", "'data'"),
    "a long key": (cloud_event(subject="k" * 256), STRUCTURED, "CloudEvent", "key"),
    "long headers": (cloud_event(note="k" * 9_000), STRUCTURED, "CloudEvent", "8192"),
    "brackets without end": (b"[" * 100_000, BATCH, "batch of CloudEvents", ""),
    "no array": (cloud_event(), BATCH, "batch of CloudEvents", ""),
    "one in a batch": ([cloud_event("a"), cloud_event("b", source="")], BATCH, "CloudEvent at index 1", "'source'"),
    "a long key in a batch": ([cloud_event(), cloud_event(subject="k" * 256)], BATCH, "CloudEvent at index 1", "key"),
    "one of the lines": (
        b"\n".join([json.dumps(cloud_event()).encode(), b"", b"{}"]), LINES, "CloudEvent on line 3", "'specversion'",
    ),
    "a line that is no event": (b'{"n": 1}', LINES, "CloudEvent on line 1", "'specversion'"),
    "known, of another shape": (
        [cloud_event("a"), cloud_event("b", type="order.placed", data={"order_id": 1})], BATCH, "CloudEvent at index 1",
        "'order.placed' version 1",
    ),
    "known, without data": (cloud_event(type="order.placed"), STRUCTURED, "CloudEvent", "'order.placed'"),
    "plain, not JSON": (b"{", PLAIN, "body", ""),
    "plain, nothing": (b"", PLAIN, "body", ""),
    "plain, not UTF-8": (b'"\xff"', PLAIN, "body", ""),
}  # fmt: skip


BEYOND_A_SCHEMA = ("a time that never was", "a time in year 10000", "long headers", "known, without data")


@over_topics
async def test_what_is_malformed_is_a_400_that_says_where(server: ServedTopics) -> None:
    for name, (content, content_type, what, why) in MALFORMED.items():
        answer = await server.post(content, content_type)
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM), (name, answer.text)
        problem = answer.json()
        assert problem["type"] == "urn:headwater:problem:malformed-data", name
        assert problem["what"] == what, name
        assert why in problem["why"], (name, problem)
    assert await server.records() == []


@over_topics
async def test_known_types_are_checked_and_others_are_not(server: ServedTopics) -> None:
    placed = {"order_id": "o1", "customer_id": "c1", "total": "1.50"}
    events = [
        cloud_event("1", type="order.placed", data=placed),
        cloud_event("2", type="order.placed", data={}, typeversion="2"),
        cloud_event("3", type="order.eaten", data={}),
    ]
    assert (await server.post(events, BATCH)).status_code == 200
    digits = b'{"order_id": "o1", "customer_id": "c1", "total": ' + b"9" * 10_000 + b"e}"
    for body in (b"{}", digits):
        answer = await server.post(body, PLAIN, "clicks?type=order.placed")
        assert (answer.status_code, answer.json()["what"]) == (400, "body")


WHOLE = {"ce_specversion": "1.0", "ce_id": "e1", "ce_source": "/", "ce_type": "t"}
WRONG_HEADERS: list[tuple[str, dict[str, str]]] = [
    ("specversion", {"ce_id": "e1"}),
    ("type", {**WHOLE, "ce_type": ""}),
    ("ce-id", {**WHOLE, "ce_id": "%FF"}),
    ("id", {**WHOLE, "ce_id": "%00"}),
    ("a-b", {**WHOLE, "ce_a_b": "x"}),
    ("data", {**WHOLE, "ce_data": "x"}),
    ("datacontenttype", {**WHOLE, "ce_datacontenttype": "x"}),
]


@over_topics
async def test_malformed_headers_are_a_400(server: ServedTopics) -> None:
    for name, headers in WRONG_HEADERS:
        answer = await server.post(b"{}", PLAIN, **headers)
        assert (answer.status_code, answer.json()["what"]) == (400, "CloudEvent"), name
        assert f"{name!r}" in answer.json()["why"]
    assert (await server.post(b"{}", PLAIN, **WHOLE)).status_code == 200


@over_topics
async def test_only_events_that_say_so_are_taken(server: ServedTopics) -> None:
    for content_type in (None, "text/plain", "application/cloudevents+avro", "application/jsonx"):
        answer = await server.post(b"{}", content_type)
        assert answer.status_code == 415
        assert answer.headers["accept-post"] == f"{STRUCTURED}, {BATCH}, {LINES}, {PLAIN}"
        assert answer.json()["accepted"] == [STRUCTURED, BATCH, LINES, PLAIN]
    assert (await server.post(b"{}", "application/cloudevents+avro", ce_id="1")).status_code == 415
    assert await server.records() == []


@over_topics
async def test_parameters_are_known_and_have_content(server: ServedTopics) -> None:
    for query in ("key=", "id=", "type=", "type=%0A", "key=a&key=b", "colour=red", "id=a&id=b"):
        assert (await server.post(b"1", PLAIN, f"clicks?{query}")).status_code == 400, query
    assert (await server.post(b"1", PLAIN, Idempotency_Key='""')).status_code == 400
    assert (await server.post(b"1", PLAIN, f"clicks?key={'k' * 256}")).status_code == 400
    assert await server.records() == []


@over_topics
async def test_what_is_too_large_is_a_413(server: ServedTopics) -> None:
    answer = await server.post([cloud_event("1"), cloud_event("2", data="x" * 2_000)], BATCH)
    assert answer.status_code == 413
    assert {name: answer.json()[name] for name in ("type", "what", "topic", "size", "limit")} == {
        "type": "urn:headwater:problem:record-too-large", "what": "CloudEvent at index 1", "topic": "clicks",
        "size": 2_002, "limit": 2_000,
    }  # fmt: skip
    assert (await server.post(b" " * (1024 * 1024 + 1), PLAIN)).json()["type"].endswith(":content-too-large")
    answer = await server.post([cloud_event(str(n)) for n in range(4)], BATCH, "narrow")
    assert (answer.status_code, answer.json()["count"], answer.json()["limit"]) == (413, 4, 3)
    assert await server.records() == []


@over_topics
async def test_unknown_topics_and_those_of_the_store(server: ServedTopics) -> None:
    answer = await server.post(cloud_event(), STRUCTURED, "nowhere")
    assert (answer.status_code, answer.json()["known"]) == (404, ["clicks", "narrow", "placed"])
    assert (await server.client.get("/topics/nowhere")).status_code == 404
    answer = await server.post(cloud_event(), STRUCTURED, "placed")
    assert (answer.status_code, answer.headers["allow"], answer.json()["topic"]) == (405, "GET, HEAD", "placed")
    answer = await server.client.put("/topics/clicks")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await server.client.head("/topics/clicks")).status_code == 200


def test_an_app_without_topics_has_none() -> None:
    async def main() -> None:
        async with (
            Runtime.open(App("none")) as runtime,
            serving(http_app(runtime)) as address,
            httpx.AsyncClient(base_url=address.url) as client,
        ):
            assert [(await client.get(path)).status_code for path in ("/topics", "/topics/clicks")] == [404, 404]

    asyncio.run(main())


@over_topics
async def test_a_full_backlog_is_a_429(server: ServedTopics) -> None:
    broker = server.runtime.broker
    assert broker is not None
    await broker.join("narrow", "sleepers")
    for number in range(3):
        assert (await server.post(cloud_event(str(number)), STRUCTURED, "narrow")).status_code == 200
    answer = await server.post(cloud_event("3"), STRUCTURED, "narrow")
    assert (answer.status_code, answer.headers["content-type"]) == (429, PROBLEM)
    assert int(answer.headers["retry-after"]) >= 1
    assert (answer.json()["type"], answer.json()["bound"]) == ("urn:headwater:problem:overloaded", 3)
    assert len(await server.records("narrow")) == 3


@over_topics
async def test_a_broker_that_does_not_answer_is_a_503_that_hides_where_it_is(server: ServedTopics) -> None:
    broker: Any = server.runtime.broker
    for error in (StoreUnavailable, AcknowledgementLost):

        async def publish(topic: str, records: list[NewRecord], error: type[StoreError] = error) -> list[Confirmed]:
            raise error("nats://secret:4222")

        broker.publish = publish
        answer = await server.post(cloud_event(), STRUCTURED)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "secret" not in answer.text
        assert "the same ids of events" in answer.json()["detail"]
    del broker.publish
    assert (await server.post(cloud_event(), STRUCTURED)).status_code == 200


def test_a_broker_that_takes_too_long_is_a_503() -> None:
    async def forever(topic: str, records: list[NewRecord]) -> list[Confirmed]:
        await answered.wait()
        return [Confirmed(0, 0)]

    answered = asyncio.Event()

    async def main() -> None:
        async with topics_served(Limits(request_timeout=0.05, max_wait=0.01)) as server:
            broker: Any = server.runtime.broker
            broker.publish = forever
            answer = await server.post(cloud_event(), STRUCTURED)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:timed-out")
            answered.set()

    asyncio.run(main())


def test_what_cannot_be_done_hides_where() -> None:
    status, body, _ = problem_of(Unsupported("nats://secret:4222", "pause groups"))
    assert (status, b"secret" in body) == (501, False)
    assert problem_of(TimedOut("a call", 3)).status == 503
    status, body, headers = problem_of(CircuitOpen("https://secret", 4.2))
    assert (status, b"secret" in body, headers[-1]) == (503, False, (b"retry-after", b"5"))


@over_topics
async def test_the_document_says_what_topics_take_and_answer(server: ServedTopics) -> None:
    document = (await server.client.get("/openapi.json")).json()
    paths = {path: set(methods) for path, methods in document["paths"].items() if path.startswith("/topics")}
    assert paths == {
        "/topics": {"get"}, "/topics/clicks": {"get", "post"}, "/topics/narrow": {"get", "post"},
        "/topics/placed": {"get"},
    }  # fmt: skip

    def check(schema: dict[str, Any], value: Any) -> None:
        jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}).validate(value)

    taken = document["paths"]["/topics/clicks"]["post"]["requestBody"]["content"]
    assert set(taken) == {STRUCTURED, BATCH, LINES, PLAIN}
    check(taken[BATCH]["schema"], [cloud_event(subject=None, n=5, data={"a": 1})])
    for name, (content, content_type, *_) in MALFORMED.items():
        if isinstance(content, dict) and content_type == STRUCTURED and name not in BEYOND_A_SCHEMA:
            with pytest.raises(jsonschema_rs.ValidationError):
                check(taken[STRUCTURED]["schema"], content)
    for path, method, answer in (
        ("/topics", "get", await server.client.get("/topics")),
        ("/topics/clicks", "get", await server.client.get("/topics/clicks")),
        ("/topics/clicks", "post", await server.post(cloud_event(), STRUCTURED)),
        ("/topics/clicks", "post", await server.post(b"{", STRUCTURED)),
        ("/topics/clicks", "post", await server.post(b"", "text/plain")),
    ):
        (content,) = document["paths"][path][method]["responses"][str(answer.status_code)]["content"].values()
        check(content["schema"], answer.json())
