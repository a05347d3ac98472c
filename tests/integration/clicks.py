"""A small application of topics for the consumers' tests: clicks on pages, counted by page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from headwater import App, Consumer, Record, Runtime, Topic, consumer, event
from headwater.clock import ManualClock
from headwater.delivery.port import Letter, Letters
from headwater.fold import Statement

TABLE = {"hits": "page TEXT PRIMARY KEY, n INTEGER NOT NULL, told TEXT NOT NULL"}
COUNT = """
    INSERT INTO {hits} (page, n, told) VALUES (?, 1, ?)
    ON CONFLICT (page) DO UPDATE SET n = {hits}.n + 1, told = {hits}.told || excluded.told
"""


@event("page.clicked")
class Clicked:
    page: str
    n: int = 0


@event("page.left")
class Left:
    page: str


def counted(happened: Clicked) -> list[Statement]:
    """Counts, and keeps the numbers in the order in which they came."""
    return [(COUNT, (happened.page, f"{happened.n},"))]


def counting(do: Callable[..., Any] = counted, **options: Any) -> Consumer[Any]:
    return consumer("clicks", "hits", tables=TABLE, **options)(do)


def app_of(*consumers: Consumer[Any], partitions: int = 2, **more: Any) -> App:
    return App("clicks", topics=[Topic("clicks", partitions=partitions)], consumers=consumers, **more)


@asynccontextmanager
async def running(*consumers: Consumer[Any], store: str = "memory:", **more: Any) -> AsyncIterator[Runtime]:
    async with Runtime.open(app_of(*consumers), store, broker="memory:", **more) as runtime:
        yield runtime


async def click(runtime: Runtime, *pages: str, start: int = 0, **more: Any) -> None:
    """Publish clicks with rising numbers, all together."""
    numbered = enumerate(pages, start)
    await asyncio.gather(*(runtime.publish("clicks", Clicked(page, n), key=page, **more) for n, page in numbered))


async def hits(runtime: Runtime) -> dict[str, str]:
    """Which numbers were counted for each page, in order."""
    rows = await runtime.sql("SELECT page, n, told FROM hits")
    for row in rows:
        assert row["n"] == row["told"].count(","), row
    return {row["page"]: row["told"].rstrip(",") for row in rows}


async def until(condition: Callable[[], Any], clock: ManualClock | None = None, *, within: float = 15.0) -> None:
    """Wait for a condition, which may be a coroutine function; meanwhile a manual clock moves on."""
    async with asyncio.timeout(within):
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            if clock is not None:
                clock.advance(0.05)
            await asyncio.sleep(0.002)


@asynccontextmanager
async def moving(clock: ManualClock) -> AsyncIterator[None]:
    """A manual clock moves on fast while the block runs."""

    async def move() -> None:
        while True:
            clock.advance(0.05)
            await asyncio.sleep(0.001)

    task = asyncio.get_running_loop().create_task(move())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def letters(runtime: Runtime, **which: Any) -> list[Letter]:
    return await runtime.dead_letters.find(Letters(**which))


class Spoiled:
    """A counting function that fails on some numbers, `times` times each (None: always), and notes what it is given."""

    def __init__(self, *numbers: int, times: int | None = None, error: type[Exception] = RuntimeError) -> None:
        self.numbers = numbers
        self.times = times
        self.error = error
        self.given: list[int] = []

    def __call__(self, happened: Clicked) -> Iterable[Statement]:
        self.given.append(happened.n)
        if happened.n in self.numbers and (self.times is None or self.given.count(happened.n) <= self.times):
            raise self.error(f"not {happened.n}")
        return counted(happened)


def as_record(value: bytes, key: str | None, **headers: str) -> Any:
    """A new record that may be anything."""
    from headwater.messages import NewRecord

    return NewRecord(value, key, headers={name.replace("_", "-"): text for name, text in headers.items()})


async def seen(record: Record) -> None:
    """Does nothing about a record."""


async def has(runtime: Runtime, wanted: dict[str, str]) -> bool:
    """Whether these are the hits."""
    return await hits(runtime) == wanted


async def rest(runtime: Runtime, number: int) -> bool:
    """Whether so many letters rest."""
    return len(await letters(runtime)) == number
