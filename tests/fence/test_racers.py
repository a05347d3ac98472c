"""Racers from several processes, with conditions and expected versions; afterwards the log is judged anew."""

import asyncio
import random
import sys
from asyncio.subprocess import Process
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from subprocess import PIPE

import msgspec

from headwater import open_store
from headwater.errors import ConditionFailed, WrongExpectedVersion
from headwater.messages import Condition, Envelope, NewEvent, Query, QueryItem, Write
from headwater.store.port import EventStore
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

PROCESSES, WRITERS, TRIES = ["few", "alone"] * 2 + ["many"] * 4, 5, 40
TYPES, TAGS = tuple("abcdef"), tuple("uvwxyz")
FEW, MANY = [tuple(f"s-{n}" for n in range(count)) for count in (8, 5000)]
"""Streams. Who shares one takes turns: among few, versions are what is raced for; among many, what conditions ask."""


class Try(msgspec.Struct):
    """What a racer tried, and the first position it got; where it was refused, None, and why."""

    name: str
    streams: list[tuple[str, int | None]]
    condition: Condition | None
    first: int | None = None
    match: int | None = None
    actual: tuple[str, int] | None = None


def some_query(chosen: random.Random) -> Query:
    """By tags, by types, or both: of few enough events that it holds now and then."""
    items = [
        QueryItem(tuple(chosen.sample(TYPES, types)), tuple(chosen.sample(TAGS, tags)))
        for types, tags in chosen.choices([(1, 0), (2, 0), (0, 1), (0, 2), (2, 1)], k=chosen.randint(1, 2))
    ]
    return Query(tuple(items))


async def race(store: EventStore, name: str, kind: str) -> list[Try]:
    """One writer: it looks, and appends under the condition that nothing has changed."""
    chosen, done = random.Random(name), list[Try]()
    for number in range(TRIES):
        wanted: list[tuple[str, int | None]] = []
        for stream in chosen.sample(MANY if kind == "many" else FEW, chosen.randint(1, 2)):
            seen = (await store.load(stream)).version
            wanted.append((stream, chosen.choice([None, seen])))
        condition = None
        if chosen.random() < 0.6:
            condition = Condition(some_query(chosen), await store.head())
        tags = tuple(chosen.sample(TAGS, chosen.randint(0, 2)))
        if kind == "alone":
            tried, tags, id = Try(f"{name}-{number}", wanted[:1], None), (), ""
        else:
            tried = Try(f"{name}-{number}", wanted, condition)
            id = chosen.choice(["", tried.name])
        await attempt(store, tried, NewEvent(chosen.choice(TYPES), msgspec.json.encode(tried.name), tags=tags), id)
        done.append(tried)
    return done


async def attempt(store: EventStore, tried: Try, new: NewEvent, id: str) -> None:
    writes = [Write(stream, [new], expected) for stream, expected in tried.streams]
    try:
        tried.first = (await store.append(*writes, condition=tried.condition, id=id)).first
    except ConditionFailed as refusal:
        tried.match = refusal.position
    except WrongExpectedVersion as refusal:
        tried.actual = refusal.stream, refusal.actual


async def race_all(url: str, process: str, kind: str) -> None:
    """All writers of a process. They begin when they are told to, so that no process comes late.

    Those of a kind share a store, and so their groups. Who is alone appends single events by a store of its own.
    """
    async with AsyncExitStack() as opened:
        stores = [
            await opened.enter_async_context(await open_store(url)) for _ in range(WRITERS if kind == "alone" else 1)
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        racing = [race(stores[n % len(stores)], f"{process}-{n}", kind) for n in range(WRITERS)]
        results = await asyncio.gather(*racing)
    sys.stdout.buffer.write(msgspec.json.encode([each for result in results for each in result]))


@asynchronous(seconds=90)
async def test_every_answer_was_right(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> None:
    url = new_schema(postgres)
    async with await open_store(url) as store, begun(url) as racers, asyncio.TaskGroup() as group:
        for racer in racers:
            assert racer.stdout
            assert await racer.stdout.readline() == b"ready\n"
        racing = [group.create_task(told(racer)) for racer in racers]
        tries = [each for task in racing for each in await task]
        log = list((await store.read(limit=100_000)).events)
    won, matched = sum(each.first is not None for each in tries), sum(each.match is not None for each in tries)
    overtaken = len(tries) - won - matched
    print(f"{len(tries)} tries: {won} recorded, {matched} refused for a match, {overtaken} for a version")
    assert min(won, matched, overtaken) > 50, "some won, some lost"
    judge(log, {each.name: each for each in tries})


@asynccontextmanager
async def begun(url: str) -> AsyncIterator[list[Process]]:
    racers = []
    try:
        for number, kind in enumerate(PROCESSES):
            command = [sys.executable, str(Path(__file__)), url, f"p{number}", kind]
            racers.append(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))
        yield racers
    finally:
        for racer in racers:
            if racer.returncode is None:
                racer.kill()
            await racer.wait()


async def told(racer: Process) -> list[Try]:
    """Let it go, and hear what it did."""
    said, _ = await racer.communicate(b"go\n")
    assert racer.returncode == 0
    return msgspec.json.decode(said, type=list[Try])


# -- judging


def judge(log: list[Envelope], tries: dict[str, Try]) -> None:
    """Play the log again: each append's version and condition must have held where it stands, and no refused one's."""
    versions: dict[str, int] = defaultdict(int)
    appends: dict[str, list[Envelope]] = defaultdict(list)
    for event in log:
        versions[event.stream] += 1
        assert event.stream_version == versions[event.stream]
        appends[msgspec.json.decode(event.data)].append(event)
    assert appends.keys() == {name for name, each in tries.items() if each.first is not None}, "those, and no others"
    for name, tried in tries.items():
        if tried.first is None:
            judge_refused(tried, log, versions)
        else:
            judge_recorded(tried, appends[name], log)


def judge_recorded(tried: Try, events: list[Envelope], log: list[Envelope]) -> None:
    assert [event.stream for event in events] == [stream for stream, _ in tried.streams], "whole, and once"
    assert events[0].position == tried.first
    for event, (_, expected) in zip(events, tried.streams, strict=True):
        assert expected in (None, event.stream_version - 1)
    if condition := tried.condition:
        between = log[after(condition.after, log) : after(events[0].position - 1, log)]
        matching = [event for event in between if condition.query.matches(event.type, event.tags)]
        assert not matching, tried


def judge_refused(tried: Try, log: list[Envelope], versions: dict[str, int]) -> None:
    """Versions and positions only grow: what a refusal names must be in the log, and is a reason."""
    if tried.actual:
        stream, actual = tried.actual
        expected = dict(tried.streams)[stream]
        assert expected is not None
        assert expected < actual <= versions[stream], tried
    else:
        assert tried.condition
        assert tried.match
        event = log[after(tried.match, log) - 1]
        assert event.position == tried.match > tried.condition.after, tried
        assert tried.condition.query.matches(event.type, event.tags), tried


def after(position: int, log: list[Envelope]) -> int:
    """The index of the first event behind a position."""
    return bisect_right(log, position, key=lambda event: event.position)


if __name__ == "__main__":
    asyncio.run(race_all(*sys.argv[1:]))
