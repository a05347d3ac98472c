"""Racers from several processes, with conditions and expected versions; afterwards the log is judged anew."""

import asyncio
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from headwater import open_store
from headwater.errors import Conflict
from headwater.messages import Condition, Envelope, NewEvent, Query, QueryItem, Write
from headwater.store.port import EventStore
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

PROCESSES, WRITERS, TRIES = 2, 20, 12
TYPES, TAGS, STREAMS = ("a", "b"), tuple("uvwxyz"), tuple(f"s-{n}" for n in range(8))


class Try(msgspec.Struct):
    """What a racer tried, and the first position it got; None where it was refused."""

    id: str
    streams: list[tuple[str, int | None]]
    condition: Condition | None
    first: int | None = None


def some_query(chosen: random.Random) -> Query:
    items = [
        QueryItem(tuple(chosen.sample(TYPES, chosen.randint(0, 2))), tuple(chosen.sample(TAGS, chosen.randint(0, 2))))
        for _ in range(chosen.randint(1, 2))
    ]
    return Query(tuple(item for item in items if item.types or item.tags))


async def race(store: EventStore, name: str) -> list[Try]:
    """One writer: it looks, and appends under the condition that nothing has changed."""
    chosen, done = random.Random(name), list[Try]()
    for number in range(TRIES):
        streams: list[tuple[str, int | None]] = []
        for stream in chosen.sample(STREAMS, chosen.randint(1, 2)):
            seen = (await store.load(stream)).version
            streams.append((stream, chosen.choice([None, seen])))
        condition = None
        if chosen.random() < 0.6:
            condition = Condition(some_query(chosen), await store.head())
        tried = Try(f"{name}-{number}", streams, condition)
        data = msgspec.json.encode({"id": tried.id})
        tags = tuple(chosen.sample(TAGS, chosen.randint(0, 2)))
        writes = [
            Write(each, [NewEvent(chosen.choice(TYPES), data, tags=tags)], expected) for each, expected in streams
        ]
        with suppress(Conflict):
            tried.first = (await store.append(*writes, condition=condition, id=tried.id)).first
        done.append(tried)
    return done


async def race_all(url: str, process: str) -> list[Try]:
    async with await open_store(url) as store:
        results = await asyncio.gather(*(race(store, f"{process}-{n}") for n in range(WRITERS)))
    return [each for result in results for each in result]


@asynchronous(seconds=90)
async def test_every_acknowledged_append_was_right(
    postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]
) -> None:
    url = new_schema(postgres)
    async with await open_store(url) as store:
        racers = [asyncio.create_task(in_a_process(url, f"p{n}")) for n in range(PROCESSES)]
        tries = [each for racer in racers for each in await racer]
        log = list((await store.read(limit=100_000)).events)
    won = sum(each.first is not None for each in tries)
    print(f"{len(tries)} tries, {won} recorded, {len(tries) - won} refused")
    assert 0 < won < len(tries), "some won, some lost"
    judge(log, {each.id: each for each in tries})


async def in_a_process(url: str, name: str) -> list[Try]:
    command = [sys.executable, str(Path(__file__)), url, name]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return msgspec.json.decode(said, type=list[Try])


def judge(log: list[Envelope], tries: dict[str, Try]) -> None:
    """Play the log again: each append's version and condition must have held where it stands."""
    versions: dict[str, int] = defaultdict(int)
    appends: dict[str, list[Envelope]] = defaultdict(list)
    for event in log:
        versions[event.stream] += 1
        assert event.stream_version == versions[event.stream]
        appends[msgspec.json.decode(event.data)["id"]].append(event)
    assert appends.keys() == {id for id, each in tries.items() if each.first is not None}, "those, and no others"
    for id, events in appends.items():
        tried: Any = tries[id]
        assert [event.stream for event in events] == [stream for stream, _ in tried.streams], "whole, and once"
        for event, (_, expected) in zip(events, tried.streams, strict=True):
            assert expected in (None, event.stream_version - 1)
        if tried.condition:
            matching = [
                event.position for event in log
                if tried.condition.after < event.position < events[0].position
                and tried.condition.query.matches(event.type, event.tags)
            ]  # fmt: skip
            assert not matching, (id, tried.condition, matching)


if __name__ == "__main__":
    found = asyncio.run(race_all(sys.argv[1], sys.argv[2]))
    sys.stdout.buffer.write(msgspec.json.encode(found))
