"""Servers of NATS that are killed in the middle of things: nothing confirmed is lost or doubled, and order holds."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from publishers import Load, everything, prove

from headwater.adapters.nats.broker import NatsBroker
from headwater.errors import StoreError
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import Member
from headwater.streaming.records import Progress
from headwater.testing.nats import nats_cluster, nats_server
from headwater.testing.running import asynchronous

KILLS = 6
BETWEEN = 3_000  # confirmed records between two kills
SESSION = 2.0


@asynccontextmanager
async def publishing(url: str, load: Load) -> AsyncIterator[None]:
    """Several publishers, of two broker objects: one by one, a few at once, many at once, and without ids."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(await NatsBroker.open(url)) for _ in range(2)]
        kinds = ((one, 1, True), (one, 40, True), (other, 600, True), (other, 40, False), (one, 5, False))
        async with asyncio.TaskGroup() as group:
            for number, (broker, largest, ids) in enumerate(kinds):
                group.create_task(load.publisher(broker, f"p{number}", largest=largest, ids=ids))
            yield
            load.stop.set()


class TestOneServer:
    @asynchronous(seconds=120)
    async def test_killed_in_the_middle_of_publishing(self) -> None:
        with nats_server() as server:
            async with await NatsBroker.open(server.url()) as broker:
                await broker.create_topic(Topic("t", partitions=2))
                load = Load("t")
                async with publishing(server.url(), load):
                    for _ in range(KILLS):
                        await load.until(len(load.confirmed) + BETWEEN)
                        await asyncio.to_thread(server.restart)
                    await load.until(len(load.confirmed) + BETWEEN)
                prove(load, await everything(broker, "t"))

    @asynchronous(seconds=120)
    async def test_killed_in_the_middle_of_consuming(self) -> None:
        with nats_server() as server:
            async with await NatsBroker.open(server.url()) as broker:
                await broker.create_topic(Topic("t", partitions=2))
                await broker.publish("t", [NewRecord(b"%d" % n, f"k{n % 20}") for n in range(10_000)])
                member = await broker.join("t", "g", session=SESSION)
                seen: set[tuple[int, int]] = set()
                kill_at = iter([2_000, 4_000, 6_000, 8_000, 20_000])
                at = next(kill_at)
                while len(seen) < 10_000:
                    seen |= await worked_off(member)
                    if len(seen) >= at:
                        at = next(kill_at)
                        await asyncio.to_thread(server.restart)
                await committed(member, await broker.ends("t"))
                (group,) = await broker.groups("t")
                assert group.records == 0

    @asynchronous(seconds=60)
    async def test_members_go_on_after_a_long_outage(self) -> None:
        with nats_server() as server:
            async with await NatsBroker.open(server.url()) as broker:
                await broker.create_topic(Topic("t", partitions=2))
                member = await broker.join("t", "g", session=0.5)
                while not member.assigned:
                    await member.fetch(10, timeout=1)
                server.kill()
                waited = 0
                while member.assigned:
                    waited += 1
                    try:
                        await member.fetch(10, timeout=0.1)
                    except StoreError:
                        await asyncio.sleep(0.05)
                    assert waited < 200, "by now others may have its partitions: it gives them up"
                await asyncio.to_thread(server.start)
                await broker.publish("t", [NewRecord(b"%d" % n, f"k{n}") for n in range(100)])
                seen: set[tuple[int, int]] = set()
                while len(seen) < 100:
                    seen |= await worked_off(member)


async def worked_off(member: Member) -> set[tuple[int, int]]:
    """The places of the next records, which come in order; now and then some are committed."""
    reached: dict[int, int] = {}
    seen = set()
    try:
        for record in await member.fetch(200, timeout=1):
            assert record.offset > reached.get(record.partition, 0)
            reached[record.partition] = record.offset
            seen.add((record.partition, record.offset))
        await member.release(member.leaving)
        if random.random() < 0.3:
            await member.commit({partition: Progress(offset + 1) for partition, offset in reached.items()})
    except StoreError:
        await asyncio.sleep(0.01)
    return seen


async def committed(member: Member, ends: dict[int, tuple[int, int]]) -> None:
    """Commit everything, with whatever assignment."""
    while len(member.assigned) < len(ends):
        await worked_off(member)
    await member.commit({partition: Progress(end) for partition, (_, end) in ends.items()})


class TestLeaders:
    @asynchronous(seconds=180)
    async def test_a_leader_killed_in_the_middle_of_publishing(self) -> None:
        with nats_cluster(3) as cluster:
            async with await NatsBroker.open(cluster.url()) as broker:
                await broker.create_topic(Topic("t", partitions=2, replicas=3))
                load, all_told = Load("t"), asyncio.Event()
                reading = asyncio.create_task(read_along(broker, load, all_told))
                async with publishing(cluster.url(), load):
                    await load.until(BETWEEN)
                    leader = await asyncio.to_thread(cluster.leader, "headwater_t_2_0")
                    leader.kill()
                    await load.until(len(load.confirmed) + BETWEEN)
                    await asyncio.to_thread(leader.start)
                    await load.until(len(load.confirmed) + BETWEEN)
                all_told.set()
                prove(load, await everything(broker, "t"))
                await reading


async def read_along(broker: NatsBroker, load: Load, all_told: asyncio.Event) -> None:
    """Be a member until it has seen all that was confirmed."""
    member = await broker.join("t", "g", session=SESSION)
    seen: set[tuple[int, int]] = set()
    while not all_told.is_set():
        seen |= await worked_off(member)
    missing = {place[:2] for place in load.confirmed.values()} - seen
    while missing:
        missing -= await worked_off(member)
