"""A process that stands still for longer than its session: what it does afterwards is refused by the server."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from headwater.adapters.nats.broker import NatsBroker
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.records import Progress
from headwater.testing.nats import NatsServer
from headwater.testing.running import asynchronous

WORKER = Path(__file__).parent / "nats_worker.py"
SESSION = 0.5


@asynchronous(seconds=60)
async def test_a_stopped_process_commits_nothing(nats: NatsServer) -> None:
    url = f"{nats.url()}?namespace=fenced"
    async with await NatsBroker.open(url) as broker:
        await broker.create_topic(Topic("t", partitions=1))
        await broker.publish("t", [NewRecord(b"%d" % n) for n in range(10)])
        worker = await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), url, "t", "g", str(SESSION), stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdout
        assert int(await worker.stdout.readline()) == 10
        member = await broker.join("t", "g", session=SESSION)
        found = []
        while not found:  # the worker has to be held for dead first
            found = await member.fetch(3, timeout=1)
        await member.commit({0: Progress(found[-1].offset + 1)})
        os.kill(worker.pid, signal.SIGCONT)
        assert await worker.stdout.readline() == b"committed\n"
        (group,) = await broker.groups("t")
        assert group.records == 7
        assert await worker.stdout.readline() == b"lost\n"
        assert await worker.wait() == 0
