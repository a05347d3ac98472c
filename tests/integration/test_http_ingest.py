"""POST and GET /topics over a real server: what is kept, in which form, and what is told."""

import asyncio
import base64
import json

from http_topics import (
    BATCH,
    LINES,
    PLAIN,
    STRUCTURED,
    TRACE,
    ServedTopics,
    cloud_event,
    over_topics,
    topics_served,
)

from headwater.http.arriving import identity
from headwater.streaming.port import check_id

# -- what is kept


@over_topics
async def test_a_structured_event_becomes_a_record(server: ServedTopics) -> None:
    event = cloud_event(
        subject="home", time="2024-11-04T10:00:00.5Z", typeversion=3, correlationid="talk", causationid="c9",
        traceparent=TRACE, sampled=True, rate=5.0, nothing=None, dataschema="https://x.example/s",
        data={"page": "ä", "n": 1.50},
    )  # fmt: skip
    answer = await server.post(event, f"{STRUCTURED}; charset=utf-8")
    assert (answer.status_code, answer.headers["content-type"]) == (200, PLAIN)
    (record,) = await server.records()
    assert answer.json() == {"records": [{"partition": record.partition, "offset": record.offset, "repeated": False}]}
    assert json.loads(record.value) == {"page": "ä", "n": 1.5}
    assert (record.key, record.id) == ("home", "/phones/7|e1")
    assert dict(record.headers) == {
        "ce-specversion": "1.0", "ce-id": "e1", "ce-source": "/phones/7", "ce-type": "page.seen", "ce-subject": "home",
        "ce-time": "2024-11-04T10:00:00.5Z", "ce-typeversion": "3", "ce-correlationid": "talk", "ce-causationid": "c9",
        "ce-traceparent": TRACE, "ce-sampled": "true", "ce-rate": "5", "ce-dataschema": "https://x.example/s",
        "content-type": PLAIN,
    }  # fmt: skip


@over_topics
async def test_a_batch_keeps_its_order(server: ServedTopics) -> None:
    answer = await server.post([cloud_event(f"e{n}", data=n) for n in range(5)], BATCH, "clicks?key=k")
    assert answer.status_code == 200
    places = answer.json()["records"]
    assert len({each["partition"] for each in places}) == 1
    assert [each["offset"] for each in places] == sorted(each["offset"] for each in places)
    assert [record.value for record in await server.records()] == [b"0", b"1", b"2", b"3", b"4"]


@over_topics
async def test_lines_are_events(server: ServedTopics) -> None:
    lines = [json.dumps(cloud_event(f"e{n}", data=n, partitionkey="p")) for n in range(3)]
    answer = await server.post(("\r\n".join(lines[:2]) + "\n\n" + lines[2] + "\n").encode(), LINES)
    assert len(answer.json()["records"]) == 3
    assert [(record.key, record.value) for record in await server.records()] == [("p", b"%d" % n) for n in range(3)]


@over_topics
async def test_nothing_at_all_is_fine(server: ServedTopics) -> None:
    for content, content_type in (([], BATCH), (b"", LINES), (b"\n\n", LINES)):
        answer = await server.post(content, content_type)
        assert (answer.status_code, answer.json()) == (200, {"records": []})
    assert await server.records() == []


@over_topics
async def test_the_binary_form_has_its_attributes_in_headers(server: ServedTopics) -> None:
    headers = {
        "ce_specversion": "1.0", "ce_id": "e1", "ce_source": "/phones/7", "ce_type": "page.seen",
        "ce_subject": "caf%C3%A9%20%22x%22", "ce_note": '"say \\"hi\\""', "ce_partitionkey": "k1",
    }  # fmt: skip
    answer = await server.post(b"\x00\xff", "image/png; q=1", **headers)
    assert answer.status_code == 200
    (record,) = await server.records()
    assert (record.value, record.key, record.id) == (b"\x00\xff", "k1", "/phones/7|e1")
    assert record.headers["content-type"] == "image/png; q=1"
    assert (record.headers["ce-subject"], record.headers["ce-note"]) == ('café "x"', 'say "hi"')
    assert (await server.post(b"", None, **{**headers, "ce_id": "e2"})).status_code == 200
    assert sorted("content-type" in record.headers for record in await server.records()) == [False, True]


@over_topics
async def test_plain_json_is_a_value_without_a_type(server: ServedTopics) -> None:
    answer = await server.post(b' {"n": 1.50}', PLAIN, "clicks?key=k1", Idempotency_Key='"a1"')
    assert answer.status_code == 200
    (record,) = await server.records()
    assert (record.value, record.key, record.id) == (b' {"n": 1.50}', "k1", "a1")
    assert dict(record.headers) == {"content-type": PLAIN}
    again = await server.post(b"2", PLAIN, "clicks?key=k1&id=a1&type=page.seen")
    assert again.json()["records"] == [{**answer.json()["records"][0], "repeated": True}]
    assert (await server.post(b"3", PLAIN, "clicks?key=k1&type=page.seen")).status_code == 200
    assert [(record.id, record.headers.get("ce-type")) for record in await server.records()] == [
        ("a1", None), ("", "page.seen"),
    ]  # fmt: skip


@over_topics
async def test_data_that_is_not_json(server: ServedTopics) -> None:
    events = [
        cloud_event("e1", data_base64=base64.b64encode(b"\x00\xff").decode(), datacontenttype="image/png"),
        cloud_event("e2", data="<a/>", datacontenttype="application/xml"),
        cloud_event("e3", data="text", datacontenttype="application/vnd.x+json; v=1"),
        cloud_event("e4"),
        cloud_event("e5", data=None),
    ]
    assert (await server.post(events, BATCH, "clicks?key=k")).status_code == 200
    found = [(record.value, record.headers.get("content-type")) for record in await server.records()]
    assert found == [
        (b"\x00\xff", "image/png"), (b"<a/>", "application/xml"), (b'"text"', "application/vnd.x+json; v=1"),
        (b"", None), (b"null", PLAIN),
    ]  # fmt: skip


@over_topics
async def test_the_key_is_the_most_particular_one(server: ServedTopics) -> None:
    events = [cloud_event("1", partitionkey="p", subject="s"), cloud_event("2", subject="s"), cloud_event("3")]
    assert (await server.post(events, BATCH, "clicks?key=k")).status_code == 200
    assert (await server.post(cloud_event("4"), STRUCTURED, "clicks?id=x&type=y")).status_code == 200
    assert {record.headers["ce-id"]: record.key for record in await server.records()} == {
        "1": "p", "2": "s", "3": "k", "4": None,
    }  # fmt: skip


@over_topics
async def test_an_event_that_comes_again_is_kept_once(server: ServedTopics) -> None:
    first = (await server.post([cloud_event("e1"), cloud_event("e2")], BATCH)).json()["records"]
    again = (await server.post([cloud_event("e2"), cloud_event("e1")], BATCH)).json()["records"]
    assert again == [{**each, "repeated": True} for each in reversed(first)]
    other = await server.post(cloud_event("e1", source="/phones/8"), STRUCTURED)
    assert other.json()["records"][0]["repeated"] is False
    assert len(await server.records()) == 3


def test_the_id_of_a_record_is_that_of_one_event_only() -> None:
    events = [("a", "b|c"), ("ab", "|c"), ("a", "b c"), ("a", "ä"), ("a" * 300, "b"), ("a" * 300, "c"), ("", "b|c")]
    names = [identity(source, id) for source, id in events]
    assert len(set(names)) == len(events)
    for name in names:
        check_id(name)
    assert identity("a", "") == ""


@over_topics
async def test_headers_stand_in_for_attributes(server: ServedTopics) -> None:
    headers = {"X_Correlation_ID": "talk-7", "traceparent": TRACE}
    assert (await server.post(cloud_event("e1"), STRUCTURED, **headers)).status_code == 200
    mine = cloud_event("e2", correlationid="mine", traceparent="zz", actor="mallory")
    assert (await server.post(mine, STRUCTURED, **headers)).status_code == 200
    found = {record.headers["ce-id"]: record.headers for record in await server.records()}
    assert [(found[id]["ce-correlationid"], found[id]["ce-traceparent"]) for id in ("e1", "e2")] == [
        ("talk-7", TRACE), ("mine", TRACE),
    ]  # fmt: skip
    assert "ce-actor" not in found["e2"]


def test_the_actor_is_whom_the_gateway_names() -> None:
    async def main() -> None:
        async with topics_served(actor_header="X-Actor") as server:
            await server.post(cloud_event(actor="mallory"), STRUCTURED, X_Actor="ann")
            assert [record.headers["ce-actor"] for record in await server.records()] == ["ann"]

    asyncio.run(main())


# -- looking


@over_topics
async def test_topics_tell_how_they_are_set(server: ServedTopics) -> None:
    clicks, narrow, placed = (await server.client.get("/topics")).json()["topics"]
    assert clicks == {
        "name": "clicks", "events": [], "partitions": 2, "max_age": None, "max_bytes": 10**6, "max_record_bytes": 2_000,
        "backlog": None, "replicas": 1,
    }  # fmt: skip
    assert (narrow["backlog"], placed["events"]) == (3, ["order.placed"])
    assert (await server.client.get("/topics?x=1")).status_code == 400


@over_topics
async def test_a_topic_tells_where_it_and_its_groups_are(server: ServedTopics) -> None:
    broker = server.runtime.broker
    assert broker is not None
    await broker.join("narrow", "sleepers")
    await broker.pause("narrow", "sleepers")
    await server.post([cloud_event("1"), cloud_event("2")], BATCH, "narrow")
    found = (await server.client.get("/topics/narrow")).json()
    assert found["settings"]["name"] == "narrow"
    assert found["partitions"] == [{"partition": 0, "first": 0, "next": 2}]
    behind = {"partition": 0, "committed": 0, "end": 2, "lag": 2}
    assert found["groups"] == [{"name": "sleepers", "paused": True, "lag": 2, "partitions": [behind]}]
