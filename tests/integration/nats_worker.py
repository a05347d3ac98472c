"""Another process with a member of a group: `python nats_worker.py URL TOPIC GROUP SESSION`.

It says what it fetched, and stands still when it is told so by a signal. When it goes on, it commits what it fetched.
"""

import asyncio
import os
import signal
import sys

from headwater.adapters.nats.broker import NatsBroker
from headwater.streaming.records import Progress


async def main(url: str, topic: str, group: str, session: str) -> None:
    async with await NatsBroker.open(url) as broker:
        member = await broker.join(topic, group, session=float(session))
        while not (found := await member.fetch(100, timeout=1)):
            pass
        print(len(found), flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)  # in the middle of a step of the event loop: nothing of it runs on
        await member.commit({found[-1].partition: Progress(found[-1].offset + 1)})
        print("committed", flush=True)
        while member.assigned:
            await member.fetch(100, timeout=0.1)
        print("lost", flush=True)


asyncio.run(main(*sys.argv[1:]))
