"""Personal data over HTTP: commands answer with it, whoever reads events gets it sealed, and topics hold none."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from clicks import until
from people import Registered, app, people, register

from headwater import App, Consumer, Runtime, Topic
from headwater.http import http_app, serving
from headwater.testing.running import asynchronous

SEEN: list[Registered] = []


def see(happened: Registered) -> None:
    SEEN.append(happened)


posted = App("people", [people], topics=[Topic("posted")], consumers=[Consumer("posted", "seeing", see)])


@asynccontextmanager
async def served(application: App) -> AsyncIterator[tuple[Runtime, httpx.AsyncClient]]:
    async with (
        Runtime.open(application, keys="memory:", broker="memory:") as runtime,
        serving(http_app(runtime), "127.0.0.1", 0) as address,
        httpx.AsyncClient(base_url=address.url) as client,
    ):
        yield runtime, client


def body(person: str, mark: str) -> dict[str, object]:
    return {"person": person, "name": mark, "email": None, "address": {"street": mark, "country": "GB"}}


@asynchronous
async def test_events_are_sealed_and_the_forgotten_are_told_as_gone() -> None:
    async with served(app) as (runtime, client):
        await runtime.execute(register("ann", "MARK"))
        for path in ("/events", "/streams/person-ann"):
            answer = await client.get(path)
            assert (answer.status_code, len(answer.json())) == (200, 1)
            assert "MARK" not in answer.text
        await runtime.forget("ann")
        wanted = {"person": "ann", "name": "N", "email": None, "street": "S"}
        answer = await client.post("/commands/person.register", json=wanted)
        problem = answer.json()
        assert (answer.status_code, problem["subject"]) == (410, "ann")
        assert problem["type"].endswith("subject-forgotten")


def posting(*datas: object) -> Sequence[dict[str, object]]:
    return [
        {"specversion": "1.0", "id": str(n), "source": "/test", "type": "person.registered", "data": data}
        for n, data in enumerate(datas)
    ]


@asynchronous
async def test_what_is_posted_to_a_topic_is_sealed_there() -> None:
    SEEN.clear()
    batch = {"content-type": "application/cloudevents-batch+json"}
    async with served(posted) as (runtime, client):
        spaced = json.dumps(posting(body("ann", "MARK"), body("bob", "MARK")), indent=2)
        answer = await client.post("/topics/posted", content=spaced, headers=batch)
        assert answer.status_code == 200, answer.text
        await until(lambda: len(SEEN) == 2)
        assert {each.name for each in SEEN} == {"MARK"}
        assert runtime.broker is not None
        for partition in range(4):
            for record in await runtime.broker.read("posted", partition, limit=10):
                assert b"MARK" not in record.value
        await runtime.forget("ann")
        for refused, status in ((body("ann", "AGAIN"), 410), (body("cid", "N") | {"name": {"$personal": "a:b"}}, 400)):
            answer = await client.post("/topics/posted", json=posting(refused), headers=batch)
            assert answer.status_code == status, answer.text
