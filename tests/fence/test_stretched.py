"""The order of steps in the SQL is the model's: with naps put between them, what is built skips nothing, and each two
that change places do.

The steps are found in the migration itself: where one is not there, or there twice, these tests fail.
"""

import asyncio
import random
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import psycopg
import pytest
from places import NewSchema, place, value
from writing import event

from headwater.adapters.postgres.migrations import in_schema, known
from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

SOURCE = known()[0].sql
NAP = "pg_sleep(0.05 * power(random(), 8))"  # most are short, and some long
LAST = "coalesce(pg_sequence_last_value('headwater.event_position'), 0)"
SLEEPY_LAST = f"({LAST} + length({NAP}::text))"
STEPS = {
    "fence": (r"    high := .*?;\n", r"    SELECT min\(.*?;\n"),
    "append_one": (
        r"    nothing := pg_advisory_xact_lock_shared\(space::bigint << 44.*?;\n",
        r"    place := nextval.*?;\n",
    ),
    "append_group": (
        r"    PERFORM pg_advisory_xact_lock_shared\(space << 44.*?;\n",
        r"    positions := ARRAY\(SELECT nextval.*?;\n",
    ),
}  # fmt: skip
DRAWN = {"append_one": "place - 1", "append_group": "positions[1] - 1"}
"""The position before the first one that was drawn."""
WRITERS, READERS = 4, 4
APPENDS, MANY_TIMES = 50, 300  # of each writer
PAUSE = 0.02  # seconds: the longest between two appends of a writer, so that at times there is no lock


def as_built(name: str) -> str:
    found = re.findall(rf"^CREATE FUNCTION headwater\.{name}\(.*?^END \$\$;$", SOURCE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0]).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def steps(name: str) -> list[str]:
    """The two statements that must come in that order."""
    found = [re.findall(step, as_built(name), re.DOTALL) for step in STEPS[name]]
    assert [len(each) for each in found] == [1, 1], name
    return [each[0] for each in found]


def stretched(name: str) -> str:
    """With a nap behind each step, and before the lock of what was seen last."""
    function = as_built(name)
    for step in steps(name):
        function = function.replace(step, f"{step}    PERFORM {NAP};\n")
    if name in DRAWN:
        assert function.count(LAST) == 1
        function = function.replace(LAST, SLEEPY_LAST)
    return function


def swapped(name: str) -> str:
    """The same, the other way round."""
    first, second = (step.replace(LAST, SLEEPY_LAST) if name in DRAWN else step for step in steps(name))
    function = stretched(name)
    assert function.index(first) < function.index(second)
    return function.replace(second, "\0").replace(first, second).replace("\0", first)


def locked_late(name: str) -> str:
    """The lock that would have been right, but after drawing."""
    return swapped(name).replace(SLEEPY_LAST, DRAWN[name])


@pytest.mark.parametrize("name", STEPS)
@asynchronous
async def test_steps_that_change_places_skip(postgres: PostgresServer, new_schema: NewSchema, name: str) -> None:
    race = await race_with(new_schema(postgres), {name: swapped(name)}, MANY_TIMES)
    assert race.skipped


@pytest.mark.parametrize("name", DRAWN)
@asynchronous
async def test_the_right_lock_taken_after_drawing_skips(
    postgres: PostgresServer, new_schema: NewSchema, name: str
) -> None:
    race = await race_with(new_schema(postgres), {name: locked_late(name)}, MANY_TIMES)
    assert race.skipped


@asynchronous
async def test_what_is_built_skips_nothing(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url, database, schema = place(postgres, new_schema)
    race = await race_with(url, {}, APPENDS)
    assert not race.skipped
    there = value(database, f"SELECT array_agg(position ORDER BY position) FROM {schema}.event")
    assert len(race.done) == WRITERS * APPENDS
    for reader in race.readers:
        assert reader.seen == there


# -- the race


@dataclass
class Following:
    """A reader: how far it is, and what it was given."""

    cursor: int = 0
    seen: list[int] = field(default_factory=list)


@dataclass
class Race:
    """`done`: the first positions of appends. `skipped`: what was recorded behind a reader; then all stop."""

    readers: list[Following] = field(default_factory=lambda: [Following() for _ in range(READERS)])
    done: list[int] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def race_with(url: str, functions: dict[str, str], appends: int) -> Race:
    """Naps in all functions, and these in place of their own; so many appends of each writer, until one is skipped."""
    database, _, schema = url.partition("?schema=")
    race = Race()
    async with AsyncExitStack() as opened:
        stores = [await opened.enter_async_context(await PostgresStore.open(url)) for _ in range(WRITERS + 1)]
        await stores[0].append(Write("first", [event("first", 0)]))
        with psycopg.connect(database, autocommit=True) as connection:
            for name in STEPS:
                connection.execute(in_schema(functions.get(name) or stretched(name), schema).encode())
        async with asyncio.TaskGroup() as group:
            for reader in race.readers:
                group.create_task(follow(race, reader, stores[-1]))
            writers = [group.create_task(write(race, number, stores[number], appends)) for number in range(WRITERS)]
            await asyncio.wait(writers)
            race.stop.set()
    print(f"{len(race.done)} appends, skipped: {sorted(race.skipped)}")
    return race


async def write(race: Race, number: int, store: PostgresStore, appends: int) -> None:
    """Append now and then, by one function or the other."""
    chosen = random.Random(number)
    for turn in range(appends):
        if race.skipped:
            return
        done = await store.append(Write(f"s-{number}", [event(f"{number}-{turn}", n) for n in range(1 + turn % 3)]))
        race.done.append(done.first)
        recorded = range(done.first, done.last + 1)
        race.skipped |= {p for each in race.readers for p in recorded if p <= each.cursor and p not in each.seen}
        await asyncio.sleep(chosen.uniform(0, PAUSE))


async def follow(race: Race, reader: Following, store: PostgresStore) -> None:
    """Read on behind the fence; after the last append, to the end."""
    last = False
    while not last:
        last = race.stop.is_set()
        page = await store.read(after=reader.cursor, limit=1000)
        reader.seen += [event.position for event in page.events]
        reader.cursor = page.position
