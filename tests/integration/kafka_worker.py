"""Another process with a member of a group: `python kafka_worker.py URL TOPIC GROUP`.

It says what it fetched, and stands still when it is told so by a signal. When it goes on, it commits what it fetched.
"""

import asyncio
import os
import signal
import sys

from headwater.adapters.kafka.broker import KafkaBroker
from headwater.streaming.records import Progress


async def main(url: str, topic: str, group: str) -> None:
    async with await KafkaBroker.open(url) as broker:
        member = await broker.join(topic, group)
        while not (found := await member.fetch(100, timeout=1)):
            pass
        print(len(found), flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)  # all of it: its threads show no sign of life either
        await member.commit({found[-1].partition: Progress(found[-1].offset + 1)})
        print("committed", flush=True)
        while member.assigned:
            await member.fetch(100, timeout=0.1)
        print("lost", flush=True)


asyncio.run(main(*sys.argv[1:]))
