"""Another process on a store's file: `python store_worker.py JOB ARGUMENT…` does one of the jobs below.

Jobs print lines, each at once, and read their standard input where they wait for a word to go on.
"""

import asyncio
import ctypes
import itertools
import random
import resource
import sys
import time

import apsw

from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import Conflict, HeadwaterError, StoreError, StoreReadOnly
from headwater.messages import Appended, NewEvent, Write

GIVE_UP = 20.0  # seconds within which anything must answer


def say(*words: object) -> None:
    """One line, which is out when this returns, whatever happens to the process."""
    print(*words, flush=True)


def event(number: int, size: int = 0) -> NewEvent:
    """An event of a number, and some padding."""
    return NewEvent("happened", b'{"n":%d,"pad":"%*s"}' % (number, size, b""))


async def append(path: str, name: str, count: str) -> None:
    """Append `count` events to a stream `name`, eight at a time; print the id and position of each."""
    async with await SqliteStore.open(path) as store:
        numbers = iter(range(int(count)))

        async def some() -> None:
            for n in numbers:
                done = await store.append(Write(name, [event(n)]), id=f"{name}-{n}")
                say(f"{name}-{n}", done.first)

        await asyncio.gather(*(some() for _ in range(8)))


async def count_up(path: str, count: str) -> None:
    """Append to one stream `count` times, each at the version that was loaded; print how many conflicts that made."""
    conflicts = 0
    async with await SqliteStore.open(path) as store:
        for _ in range(int(count)):
            while True:
                batch = await store.load("counter")
                try:
                    await store.append(Write("counter", [event(batch.count)], expected=batch.version))
                    break
                except Conflict:
                    conflicts += 1
    say(conflicts)


async def open_when_told(name: str) -> None:
    """For each path that comes in: open the store, append one event, close it, and print how that went."""
    say("ready")
    for line in sys.stdin:
        try:
            async with await SqliteStore.open(line.strip()) as store:
                await store.append(Write(name, [event(0)]))
            say("done")
        except Exception as error:
            say(repr(error))


async def append_when_told(path: str) -> None:
    """For each line that comes in: append one event a moment later, and print when that was done."""
    async with await SqliteStore.open(path) as store:
        say("ready")
        for _ in sys.stdin:
            await asyncio.sleep(random.uniform(0, 0.05))  # anywhere between two looks of the one who waits
            await store.append(Write("told", [event(0)]))
            say(time.monotonic())


async def wait_idly(path: str) -> None:
    """Wait a second for what does not come; print the share of a processor's time that this took."""
    async with await SqliteStore.open(path) as store:
        head = await store.head()
        start = time.process_time()
        await store.wait(head, timeout=1.0)
        say(time.process_time() - start)


async def hold_lock(path: str) -> None:
    """Hold the write lock until the standard input ends."""
    connection = apsw.Connection(path)
    connection.set_busy_timeout(5000)
    connection.execute("BEGIN IMMEDIATE")
    say("held")
    sys.stdin.read()
    connection.execute("ROLLBACK")


def drop_privileges() -> None:
    """Be bound by file permissions even as root, by giving up all capabilities."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


async def be_read_only(path: str) -> None:
    """Read a store that cannot be written, and be refused, each time, to write it."""
    drop_privileges()
    try:
        async with await SqliteStore.open(path, create=False) as store:
            say("read", len((await store.read()).events))
            for _ in range(3):
                try:
                    await asyncio.wait_for(store.append(Write("s", [event(0)])), GIVE_UP)
                except StoreReadOnly as error:
                    say("refused", error)
            say("read", len((await store.read()).events))
    except StoreReadOnly as error:
        say("refused to open", error)


async def run_full(path: str, limit: str) -> None:
    """Append until files may not grow, then a little more; then again with room. Nothing may be half-written."""
    async with await SqliteStore.open(path) as store:
        soft = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), soft[1]))
        done, errors = await _fill(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
        done += [await asyncio.wait_for(store.append(Write("a", [event(0)]), Write("b", [event(0)])), GIVE_UP)]
        a, b = await store.read_stream("a"), await store.read_stream("b")
        say(len(done), len(a), len(b), sorted({type(error).__name__ for error in errors}))


async def _fill(store: SqliteStore) -> tuple[list[Appended], list[HeadwaterError]]:
    done: list[Appended] = []
    errors: list[HeadwaterError] = []
    while len(errors) < 20:
        both = Write("a", [event(0, 300_000)]), Write("b", [event(0, 300_000)])
        try:
            done.append(await asyncio.wait_for(store.append(*both), GIVE_UP))
        except StoreError as error:
            errors.append(error)
    return done, errors


async def append_forever(path: str, name: str) -> None:
    """Append at full speed, 64 at a time, every third to two streams at once; print what is acknowledged."""
    async with await SqliteStore.open(path) as store:
        numbers = itertools.count()

        async def some() -> None:
            for n in numbers:
                writes = [Write(f"{name}-{n % 10}", [event(n), event(n)])]
                if n % 3 == 0:
                    writes.append(Write(f"{name}-twin-{n % 7}", [event(n)]))
                done = await store.append(*writes, id=f"{name}-{n}")
                say(f"{name}-{n}", done.first, done.last)

        await asyncio.gather(*(some() for _ in range(64)))


JOBS = {
    job.__name__: job
    for job in (
        append, append_forever, append_when_told, be_read_only, count_up, hold_lock, open_when_told, run_full,
        wait_idly,
    )
}  # fmt: skip

if __name__ == "__main__":
    asyncio.run(JOBS[sys.argv[1]](*sys.argv[2:]))
