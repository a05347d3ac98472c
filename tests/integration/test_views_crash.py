"""kill -9 at any moment: views go on where their checkpoint is, and each event counts once; others take over."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

from bank import BankEvent, Closed, Deposited, Opened, Sent, as_rows, balances, expected, record
from bank_processes import Worker, line_of, worker
from bank_worker import projecting

from headwater import Runtime, open_store
from headwater.store.port import EventStore
from headwater.testing.running import asynchronous

ROUNDS = 8


class Trade:
    """Random events of a bank; every deposit has an amount of its own."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._amount = 0

    def events(self, count: int) -> list[BankEvent]:
        return [self._one() for _ in range(count)]

    def _one(self) -> BankEvent:
        names = [f"a{self._chance.randrange(40)}" for _ in range(2)]
        self._amount += 1
        kinds: list[BankEvent] = [Opened(names[0], "somebody"), Closed(names[0])]
        kinds += [Sent(names[0], names[1], 5)] * 3 + [Deposited(names[0], self._amount)] * 15
        return self._chance.choice(kinds)


async def check(url: str) -> int:
    """Everything is folded, each event once. How many there are."""
    async with Runtime.open(projecting, url) as runtime:
        await runtime.idle()
        rows = await runtime.find(balances, limit=1000)
        assert as_rows(rows) == await expected(runtime.store)
        counted = Counter((row["account"], row["pence"]) for row in await runtime.sql("SELECT * FROM tally"))
        assert counted == await _deposits(runtime.store)
        return await runtime.store.head()


async def _deposits(store: EventStore) -> Counter[tuple[str, int]]:
    found = Counter[tuple[str, int]]()
    position = 0
    while (page := await store.read(after=position)).events:
        position = page.position
        events = [one for event in page.events for one in projecting.events.decode(event)]
        found.update((each.account, each.pence) for each in events if isinstance(each, Deposited))
    return found


@asynchronous(seconds=60)
async def test_each_event_counts_once_whenever_a_process_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance, start, path = random.Random(seed), time.monotonic(), tmp_path / "store.db"
    trade, positions = Trade(chance), list[int]()
    for _ in range(ROUNDS):
        async with await open_store(f"sqlite:///{path}") as store:
            await record(store, *trade.events(1_000))
        with worker("project", path, 25, 0.01) as process:
            positions.append(_position_when_killed(process, chance))
    count = await check(f"sqlite:///{path}")
    print(f"killed at positions {positions}, {count} events, {time.monotonic() - start:.1f} s")
    assert count == ROUNDS * 1_000
    assert len(set(positions)) > ROUNDS // 2, "it was killed at work"


def _position_when_killed(process: Worker, chance: random.Random) -> int:
    assert line_of(process) == "ready"
    for _ in range(chance.randrange(1, 40)):
        position = int(line_of(process))
    time.sleep(chance.uniform(0, 0.003))  # anywhere in a batch
    process.kill()
    return position


@asynchronous(seconds=60)
async def test_another_process_takes_over_from_one_that_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    trade, path = Trade(random.Random(seed)), tmp_path / "store.db"
    async with await open_store(f"sqlite:///{path}") as store:
        await record(store, *trade.events(500))
        with worker("project", path, 100, 0.25) as first:
            assert line_of(first) == "ready"
            line_of(first)
            with worker("project", path, 100, 0.25) as second:
                assert line_of(second) == "ready"
                first.kill()
                last, killed = await record(store, *trade.events(500)), time.monotonic()
                while int(await asyncio.to_thread(line_of, second)) < last:
                    pass
                seconds = time.monotonic() - killed
    print(f"taken over and caught up after {seconds:.2f} s")
    assert seconds < 5
    assert await check(f"sqlite:///{path}") == 1_000
