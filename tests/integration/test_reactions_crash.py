"""kill -9 at any moment: reactions run at least once, the commands that follow count once; timers outlive processes."""

import random
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bank import Deposit, Opened, accounts, balances, record
from bank_processes import Worker, line_of, worker
from bank_worker import BONUS, DAY, reacting, scheduling

from headwater import App, ManualClock, Reaction, Runtime, open_store
from headwater.testing.running import asynchronous

ACCOUNTS = 40
ROUNDS = 4


async def open_accounts(path: Path, prefix: str) -> None:
    """Record openings, at the beginning of time."""
    async with await open_store(f"sqlite:///{path}", clock=ManualClock()) as store:
        for n in range(ACCOUNTS):
            await record(store, Opened(f"{prefix}{n}", "somebody"))


async def check(path: Path, app: App, count: int, clock: ManualClock | None = None) -> None:
    """Everyone has the bonus, once, when the rest is worked off."""
    async with Runtime.open(app, f"sqlite:///{path}", clock=clock) as runtime:
        await runtime.idle()
        rows = await runtime.find(balances, limit=10_000)
        assert {row.account: (row.pence, row.events) for row in rows} == {row.account: (BONUS, 2) for row in rows}
        assert len(rows) == count
        assert await runtime.store.head() == 2 * count


def killed_after(process: Worker, lines: int) -> list[str]:
    """Kill a process after so many lines, or when there is nothing left to do; all that it has said of its work."""
    said: list[str] = []
    while len(said) < lines and (line := line_of(process)) != "idle":
        said.append(line)
    process.kill()
    assert process.stdout
    return said + [line.strip() for line in process.stdout if line.endswith("\n") and line != "idle\n"]


@asynchronous(seconds=60)
async def test_commands_of_a_reaction_count_once(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, path, effects = random.Random(seed), tmp_path / "store.db", Counter[str]()
    for round in range(ROUNDS):
        await open_accounts(path, f"r{round}-")
        with worker("react", path) as process:
            assert line_of(process) == "ready"
            effects.update(line.split()[1] for line in killed_after(process, chance.randrange(1, ACCOUNTS)))

    def noting(happened: Opened) -> list[Any]:
        effects[happened.account] += 1
        return [Deposit(happened.account, BONUS)]

    count = ROUNDS * ACCOUNTS
    await check(path, App("bank", [accounts], [balances], [Reaction("welcome", noting)]), count)
    print(f"{count} events, {effects.total()} effects")
    assert len(effects) == count, "at least once"


@asynchronous(seconds=60)
async def test_two_processes_may_run_one_reaction(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with ExitStack() as stack:
        both = [stack.enter_context(worker("react", path)) for _ in range(2)]
        assert [line_of(each) for each in both] == ["ready"] * 2
        await open_accounts(path, "a")
        for lines, process in zip((5, ACCOUNTS - 5), both, strict=True):
            killed_after(process, lines)
    await check(path, reacting, ACCOUNTS)


@asynchronous(seconds=60)
async def test_timers_outlive_a_killed_process(tmp_path: Path) -> None:
    """Set by one process, fired by others, each killed while it does so."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, path, clock = random.Random(seed), tmp_path / "store.db", ManualClock()
    await open_accounts(path, "a")
    with worker("schedule", path, 0) as process:
        assert [line_of(process), line_of(process)] == ["ready", "idle"], "nothing is due yet"
    clock.advance(3 * DAY)
    decided = Counter[str]()
    for _ in range(3):
        with worker("schedule", path, 3) as process:
            assert line_of(process) == "ready"
            decided.update(killed_after(process, chance.randrange(1, ACCOUNTS // 4)))
    print(f"{len(decided)} of {ACCOUNTS} fired before the last kill")
    await check(path, scheduling, ACCOUNTS, clock)
