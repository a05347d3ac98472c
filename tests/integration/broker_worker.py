"""Another process on a broker's file: `python broker_worker.py JOB ARGUMENT…` does one of the jobs below.

Jobs print lines, each at once, and read their standard input where they wait for a word to go on.
"""

import asyncio
import itertools
import resource
import sys

from store_worker import GIVE_UP, drop_privileges, say

from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.errors import StoreError, StoreReadOnly
from headwater.fold import Topic
from headwater.messages import NewRecord, Record
from headwater.streaming.records import Progress

KEYS = 7


def records(name: str, numbers: range) -> list[NewRecord]:
    """Records of a publisher, with keys and ids by their numbers."""
    return [NewRecord(b"%d" % n, f"{name}-{n % KEYS}", f"{name}-{n}") for n in numbers]


async def publish_forever(path: str, name: str) -> None:
    """Publish at full speed, several calls at a time, each of the next few records; print the last that is confirmed.

    Begins after what is there already.
    """
    async with await SqliteBroker.open(path) as broker:
        await broker.create_topic(Topic("t", partitions=3))
        for start in itertools.count(step=40):
            calls = (broker.publish("t", records(name, range(start + n, start + n + 10))) for n in range(0, 40, 10))
            await asyncio.gather(*calls)
            say(start + 39)


def after(found: list[Record]) -> dict[int, Progress]:
    return {record.partition: Progress(record.offset + 1) for record in found}


async def consume_forever(path: str) -> None:
    """Take records and print each, then commit: whoever reads the lines sees everything at least once."""
    async with await SqliteBroker.open(path) as broker:
        member = await broker.join("t", "workers", session=1.0, drain=0.5)
        while True:
            found = await member.fetch(20, timeout=1.0)
            for record in found:
                say("got", record.partition, record.offset, record.key, record.value.decode())
            await member.commit(after(found))
            if found:
                say("committed")
            await member.release(member.leaving)


async def publish_when_told(path: str, name: str) -> None:
    """For each line that comes in: open the broker, publish ten records, close it, and print how that went."""
    say("ready")
    for line in sys.stdin:
        try:
            async with await SqliteBroker.open(path) as broker:
                await broker.create_topic(Topic("t", partitions=3))
                start = int(line)
                await broker.publish("t", records(name, range(start, start + 10)))
            say("done")
        except Exception as error:
            say(repr(error))


async def be_read_only(path: str) -> None:
    """Read a broker that cannot be written, and be refused, each time, to write it."""
    drop_privileges()
    try:
        async with await SqliteBroker.open(path, create=False) as broker:
            say("read", len(await broker.read("t", 0)))
            for call in (
                lambda: broker.publish("t", [NewRecord(b"")]),
                lambda: broker.join("t", "workers"),
                lambda: broker.create_topic(Topic("other")),
            ):
                try:
                    await asyncio.wait_for(call(), GIVE_UP)
                except StoreReadOnly as error:
                    say("refused", error)
            say("read", len(await broker.read("t", 0)))
    except StoreReadOnly as error:
        say("refused to open", error)


async def run_full(path: str, limit: str) -> None:
    """Publish until files may not grow, then a little more; then again with room. Nothing may be half-written."""
    async with await SqliteBroker.open(path) as broker:
        await broker.create_topic(Topic("t", partitions=2))
        soft = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), soft[1]))
        done, errors = 0, []
        while len(errors) < 20:
            try:
                await asyncio.wait_for(broker.publish("t", _both()), GIVE_UP)
                done += 1
            except StoreError as error:
                errors.append(type(error).__name__)
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
        await asyncio.wait_for(broker.publish("t", _both()), GIVE_UP)
        counts = [len(await broker.read("t", partition, limit=10_000)) for partition in (0, 1)]
        say(done + 1, *counts, sorted(set(errors)))


def _both() -> list[NewRecord]:
    """A record for each of two partitions."""
    return [NewRecord(bytes(300_000), "key-0"), NewRecord(bytes(300_000), "key-4")]


JOBS = {
    job.__name__: job
    for job in (publish_forever, consume_forever, publish_when_told, be_read_only, run_full)
}  # fmt: skip

if __name__ == "__main__":
    asyncio.run(JOBS[sys.argv[1]](*sys.argv[2:]))
