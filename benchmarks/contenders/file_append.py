"""append-*: the limit of the disk: events written to a plain file, fsynced before each ack. Modes: 1, 64, batch."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import options, per_second, play, tasks_per_second
from benchmarks.contenders.group_commit import GroupCommit
from benchmarks.workload import BATCH, samples

OPTIONS = options()
LINES = [f"{event}\n".encode() for event in samples()]
BLOCK = b"".join(LINES[:BATCH])


def durable(file: int, data: bytes) -> None:
    os.write(file, data)
    os.fsync(file)


async def grouped(file: int, tasks: int) -> float:
    def commit(lines: Sequence[bytes]) -> Sequence[None]:
        durable(file, b"".join(lines))
        return [None] * len(lines)

    writer = GroupCommit(commit)
    try:
        return await tasks_per_second(lambda _, k: writer.append(LINES[k % len(LINES)]), tasks, OPTIONS.seconds)
    finally:
        writer.close()


def run(directory: Path) -> float:
    file = os.open(directory / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        if OPTIONS.mode == "batch":
            return per_second(lambda _: durable(file, BLOCK), OPTIONS.seconds) * BATCH
        if OPTIONS.mode == "1":
            return per_second(lambda k: durable(file, LINES[k % len(LINES)]), OPTIONS.seconds)
        return asyncio.run(grouped(file, int(OPTIONS.mode)))
    finally:
        os.close(file)


if __name__ == "__main__":
    play(run)
