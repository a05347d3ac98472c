"""One process of the chaos test: chaos_worker.py ROLE STORE BROKER REPLICAS [LOG KEY…]. It may be killed at any time.

A producer takes its keys in turn; for each it writes the next number to its log, has it recorded (or sent), and writes
that it was acknowledged. Started again, it repeats the numbers of which it does not know, with the same ids.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from chaos_app import CONSUMERS, RELAY, Recorded, Sent, app_of

from headwater import Runtime
from headwater.errors import Overloaded, StoreError
from headwater.messages import Write

Put = Callable[[str, int, str], Awaitable[object]]


async def main(role: str, store: str, broker: str, replicas: int, log: str, keys: list[str]) -> None:
    app = app_of(replicas)
    only = {"relay": [RELAY], "consumer": list(CONSUMERS)}.get(role, [])
    while True:
        with suppress(StoreError):  # the broker is away: try again
            async with Runtime.open(app, store, broker=broker, workers=only or False) as runtime:
                print("ready", flush=True)
                if only:
                    await asyncio.Event().wait()
                await produce(_recording(runtime) if role == "recorder" else _sending(runtime), Path(log), keys)
        await asyncio.sleep(0.1)


def _recording(runtime: Runtime) -> Put:
    async def put(key: str, n: int, id: str) -> None:
        new = runtime.app.events.encode(Recorded(key, n))
        await runtime.store.append(Write(key, [new]), id=id)

    return put


def _sending(runtime: Runtime) -> Put:
    async def put(key: str, n: int, id: str) -> None:
        await runtime.publish("sent", Sent(key, n), key=key, id=id)

    return put


async def produce(put: Put, log: Path, keys: list[str]) -> None:
    tried, acknowledged = read(log)
    with log.open("a", buffering=1) as lines:
        while True:
            for key in keys:
                last = tried.get(key, -1)
                n = last if last > acknowledged.get(key, -1) else last + 1
                tried[key] = n
                lines.write(f"try {key} {n}\n")
                await until_acknowledged(put, key, n)
                lines.write(f"ack {key} {n}\n")
                acknowledged[key] = n
                await asyncio.sleep(0.002)


async def until_acknowledged(put: Put, key: str, n: int) -> None:
    while True:
        try:
            await put(key, n, f"{key}:{n}")
        except (StoreError, Overloaded):
            await asyncio.sleep(0.05)
        else:
            return


def read(log: Path) -> tuple[dict[str, int], dict[str, int]]:
    """The last number tried and the last acknowledged, by key. A line cut off by a kill is not there."""
    tried: dict[str, int] = {}
    acknowledged: dict[str, int] = {}
    if log.exists():
        for line in log.read_text().splitlines(keepends=True):
            if line.endswith("\n") and len(parts := line.split()) == 3:
                (tried if parts[0] == "try" else acknowledged)[parts[1]] = int(parts[2])
    return tried, acknowledged


def end_with_parent() -> None:
    """The parent holds the other end of stdin."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    role, store, broker, replicas, log, *keys = sys.argv[1:]
    asyncio.run(main(role, store, broker, int(replicas), log, keys))
