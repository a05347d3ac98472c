"""Another process that runs the bank: `python bank_worker.py JOB ARGUMENT…` does one of the jobs below.

Jobs print lines, each at once, and go on until they are killed.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bank import Account, BankEvent, Deposit, Deposited, Open, Opened, accounts, balances, decide, evolve, tally

from headwater import App, Decider, ManualClock, Reaction, Runtime, Schedule, Write, open_store
from headwater.views import runner

DAY = 86_400.0
BONUS = 100  # pence


def say(*words: object) -> None:
    """One line, which is out when this returns, whatever happens to the process."""
    print(*words, flush=True)


projecting = App("bank", deciders=[accounts], views=[balances, tally])


async def project(path: str, batch: str, patience: str) -> None:
    """Keep views up to date, and say how far they are after every batch."""
    runner.BATCH, runner.PATIENCE = int(batch), float(patience)
    advance = runner.Projecting.advance

    async def telling(self: runner.Projecting, projections: Sequence[runner.Projection], limit: int = 0) -> bool:
        moved = await advance(self, projections, limit or runner.BATCH)
        if moved:
            say(projections[0].position)
        return moved

    runner.Projecting.advance = telling  # type: ignore[method-assign]
    async with Runtime.open(projecting, f"sqlite:///{path}"):
        say("ready")
        await asyncio.Event().wait()


async def rebuild(path: str) -> None:
    """Build a view anew, over and over, and say so each time."""
    async with Runtime.open(projecting, f"sqlite:///{path}") as runtime:
        while True:
            async for _ in runtime.rebuild("balances"):
                pass
            say("rebuilt")


async def catch_up(path: str, early: str, count: str) -> None:
    """Fold `count` events; print the memory in use (MB) once `early` of them are folded, and in the end."""
    async with await open_store(f"sqlite:///{path}", durable=False) as store:
        for start in range(0, int(count), 1_000):
            events = [Deposited(f"a{n % 1_000}", n) for n in range(start, start + 1_000)]
            new = [projecting.events.encode(each) for each in events]
            await store.append(Write("account-all", new))
    async with Runtime.open(App("bank", views=[balances]), f"sqlite:///{path}") as runtime:
        for position in (int(early), int(count)):
            await runtime.queries.reached("balances", position, 60)
            say(memory())


def memory() -> float:
    """The memory that this process has in use, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def welcome(happened: Opened) -> list[Any]:
    """Who opens an account is given 100p; that this ran is an effect outside."""
    say("welcomed", happened.account)
    return [Deposit(happened.account, BONUS)]


def later(happened: Opened) -> list[Any]:
    """Three days after the opening there are 100p."""
    return [Schedule(f"bonus:{happened.account}", Deposit(happened.account, BONUS), after=timedelta(days=3))]


def telling_decide(wanted: Open | Deposit, account: Account) -> Sequence[BankEvent]:
    say("decided", wanted.account)
    return decide(wanted, account)


telling_accounts = Decider("account", lambda: Account(""), telling_decide, evolve, lambda wanted: wanted.account)
reacting = App("bank", [accounts], [balances], [Reaction("welcome", welcome)])
scheduling = App("bank", [telling_accounts], [balances], [Reaction("later", later)])


async def react(path: str) -> None:
    """Welcome everyone."""
    async with Runtime.open(reacting, f"sqlite:///{path}"):
        say("ready")
        await asyncio.Event().wait()


async def schedule(path: str, days: str) -> None:
    """Give everyone the bonus, so many days after the beginning of time."""
    clock = ManualClock()
    clock.advance(float(days) * DAY)
    async with Runtime.open(scheduling, f"sqlite:///{path}", clock=clock) as runtime:
        say("ready")
        await runtime.idle()
        say("idle")
        await asyncio.Event().wait()


JOBS = {job.__name__: job for job in (catch_up, project, react, rebuild, schedule)}

if __name__ == "__main__":
    asyncio.run(JOBS[sys.argv[1]](*sys.argv[2:]))
