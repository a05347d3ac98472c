"""Laws of a consumer, on a manual clock: whatever fails, is redriven, discarded or starts again, every record has its
effect once, and each key keeps its order."""

import asyncio
from typing import Any

import pytest
from clicks import TABLE, Clicked, counted
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headwater.app import open_stores
from headwater.clock import ManualClock
from headwater.codec import EventCatalog
from headwater.delivery.consumer import ConsumerRunner
from headwater.delivery.mapping import event_record
from headwater.delivery.port import Letters, Wish
from headwater.flow import retry
from headwater.fold import Behind, Statement, Topic, consumer
from headwater.streaming.memory import MemoryBroker

KEYS = st.sampled_from("abcd")
CATALOG = EventCatalog([Clicked])


async def no_commands(command: object, /, *, id: str, metadata: object) -> Any:
    raise AssertionError("nothing follows")


class ConsumerMachine(RuleBasedStateMachine):
    """A consumer of two partitions; `wait` says whether later records of a key wait behind dead ones."""

    behind = Behind.WAIT
    asynchronous = False

    def __init__(self) -> None:
        super().__init__()
        retry._random.seed(0)  # the same example takes the same course
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.published: dict[str, list[int]] = {}
        self.discarded: set[tuple[str, int]] = set()
        self.perhaps: set[tuple[str, int]] = set()
        self.bad: dict[tuple[str, int], int] = {}
        self.next_bad: dict[str, int] = {}
        self.inside: set[str] = set()
        self.task: asyncio.Task[None] | None = None
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.stores = await open_stores("memory:", clock=self.clock)
        self.broker = MemoryBroker(clock=self.clock)
        await self.broker.create_topic(Topic("clicks", partitions=2))
        self._start()

    def _start(self) -> None:
        do = self._slowly if self.asynchronous else self._at_once
        declared = consumer("clicks", "hits", tables=TABLE, attempts=3, behind=self.behind, concurrency=2, max_open=6)(
            do
        )
        runner = ConsumerRunner(
            declared,
            self.broker,
            self.stores.events,
            self.stores.delivery,
            CATALOG,
            no_commands,
            self.clock,  # type: ignore[arg-type]
        )
        self.task = asyncio.get_running_loop().create_task(runner.run())

    def _at_once(self, happened: Clicked) -> list[Statement]:
        left = self.bad.get((happened.page, happened.n), 0)
        if left:
            self.bad[happened.page, happened.n] = left - 1
            raise RuntimeError("bad")
        return counted(happened)

    async def _slowly(self, happened: Clicked) -> list[Statement]:
        assert happened.page not in self.inside, "two of one key at once"
        self.inside.add(happened.page)
        try:
            for _ in range(happened.n % 4):
                await asyncio.sleep(0)
            return self._at_once(happened)
        finally:
            self.inside.discard(happened.page)

    # -- what happens

    @rule(key=KEYS, failures=st.sampled_from([0, 0, 0, 1, 2, 3, 5]))
    def publish(self, key: str, failures: int) -> None:
        n = len(self.published.setdefault(key, []))
        self.published[key].append(n)
        if failures:
            self.bad[key, n] = failures
        self.runner.run(self._publish(key, n))

    async def _publish(self, key: str, n: int) -> None:
        new = event_record(CATALOG.encode(Clicked(key, n)), key, "test", self.clock.now())
        await self.broker.publish("clicks", [new])

    @rule(seconds=st.sampled_from([0.0, 0.05, 1.0, 30.0]))
    def pass_time(self, seconds: float) -> None:
        self.runner.run(self._spin(seconds))

    async def _spin(self, seconds: float = 0.0, turns: int = 40) -> None:
        self.clock.advance(seconds)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert self.task is not None
        if self.task.done():
            self.task.result()

    @rule()
    def start_again(self) -> None:
        self.runner.run(self._start_again())

    async def _start_again(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._start()
        await self._spin()

    @rule(key=KEYS)
    def redrive(self, key: str) -> None:
        self.runner.run(self._ask(key, Wish.REDRIVE))

    @rule(key=KEYS)
    def discard(self, key: str) -> None:
        self.runner.run(self._ask(key, Wish.DISCARD))

    async def _ask(self, key: str, wish: Wish) -> None:
        which = Letters("hits", key=key, waiting=False)
        letters = await self.stores.delivery.letters(which)
        if letters and all(letter.wish is not Wish.DISCARD for letter in letters):
            await self.stores.delivery.ask(which, wish, self.clock.now())
            if wish is Wish.DISCARD:  # one that is to be redriven may be on its way: then either comes to pass
                for letter in letters:
                    (self.discarded if letter.wish is Wish.NONE else self.perhaps).add((key, _number(letter.value)))
        await self._spin()

    # -- what must hold

    async def _effects(self) -> dict[str, list[int]]:
        if "hits" not in await self.stores.views.names():
            return {}
        rows = await self.stores.views.select("SELECT page, told FROM hits", ())
        return {row["page"]: [int(n) for n in row["told"].split(",") if n] for row in rows}

    @invariant()
    def nothing_twice_and_in_order(self) -> None:
        for key, numbers in self.runner.run(self._effects()).items():
            assert len(set(numbers)) == len(numbers), f"{key} twice: {numbers}"
            if self.behind is Behind.WAIT:
                assert numbers == sorted(numbers), f"{key} out of order: {numbers}"

    def teardown(self) -> None:
        try:
            self.runner.run(self._to_the_end())
        finally:
            self.runner.close()

    async def _to_the_end(self) -> None:
        self.bad.clear()
        for _ in range(400):
            letters = await self.stores.delivery.letters(Letters("hits", waiting=False))
            for letter in letters:
                if letter.wish is Wish.NONE:
                    which = Letters("hits", ids=[letter.id])
                    await self.stores.delivery.ask(which, Wish.REDRIVE, self.clock.now())
            await self._spin(1.0)
            if await self._done():
                break
        effects = {(key, n) for key, numbers in (await self._effects()).items() for n in numbers}
        everything = {(key, n) for key, numbers in self.published.items() for n in numbers}
        assert everything - self.discarded - self.perhaps <= effects <= everything - self.discarded
        assert not await self.stores.delivery.letters(Letters("hits"))
        await self._close()

    async def _done(self) -> bool:
        if await self.stores.delivery.letters(Letters("hits")):
            return False
        return all(group.records == 0 for group in await self.broker.groups("clicks"))

    async def _close(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.broker.close()
        await self.stores.views.close()
        await self.stores.events.close()


def _number(value: bytes) -> int:
    (found,) = CATALOG.decode_data(next(iter(CATALOG.types)), value)
    assert isinstance(found, Clicked)
    return found.n


class Passing(ConsumerMachine):
    behind = Behind.PASS


class Slow(ConsumerMachine):
    asynchronous = True


class SlowAndPassing(ConsumerMachine):
    behind = Behind.PASS
    asynchronous = True


@pytest.mark.parametrize("machine", [ConsumerMachine, Passing, Slow, SlowAndPassing])
def test_effects_once_and_in_order(machine: type[ConsumerMachine]) -> None:
    case: Any = machine.TestCase
    case.settings = settings(max_examples=25, stateful_step_count=20, suppress_health_check=list(HealthCheck))
    case().runTest()
