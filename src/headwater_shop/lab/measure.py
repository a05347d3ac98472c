"""What the services use, and which core they may use: the same one for all, so that every architecture has the same."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import psutil  # type: ignore[import-untyped]  # has no types of its own

from headwater_shop.lab.load import Now, Tell
from headwater_shop.lab.raw import Used

EVERY: Final = 0.5  # seconds between samples

Pids = Callable[[], Mapping[str, int]]
"""The running services' processes, by name."""


async def sample(pids: Pids, now: Now, tell: Tell, every: float = EVERY) -> None:
    """Tell what each service has used, again and again until cancelled."""
    while True:
        take(pids, now, tell)
        await asyncio.sleep(every)


def take(pids: Pids, now: Now, tell: Tell) -> None:
    """Tell once. A service that is not there just now is left out."""
    for name, pid in pids().items():
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                cpu, memory = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            continue
        tell(Used(now(), name, cpu.user + cpu.system, memory))


def cores() -> tuple[set[int], set[int]]:
    """The cores for the architecture (one of them) and for the laboratory: different ones where there are two. Both
    empty where the system cannot bind a process to a core."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    mine = sorted(os.sched_getaffinity(0))
    return {mine[-1]}, set(mine[:-1]) or {mine[-1]}


def bind(pids: Iterable[int], to: set[int]) -> None:
    """Have processes run on those cores only, with all their threads; nothing where there are none. What has ended by
    now is left out."""
    if not to:
        return
    for pid in pids:
        try:
            threads = [each.id for each in psutil.Process(pid).threads()]
        except psutil.Error:
            continue
        for thread in threads:
            try:
                os.sched_setaffinity(thread, to)
            except OSError:
                continue


def machine() -> str:
    """What this was measured on, in a line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GB, {os.uname().sysname} {os.uname().release}"


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return os.uname().machine
