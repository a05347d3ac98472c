"""What the subjects of the delivery suite share: opening, names of one's own, records and letters."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any, NamedTuple, Protocol

import pytest

from headwater.clock import Clock, ManualClock
from headwater.delivery.port import Attempt, Claim, DeliveryStore, Letter, Letters, Settled
from headwater.fold import Statement
from headwater.messages import new_id
from headwater.store.port import Capabilities
from headwater.testing.running import run
from headwater.views.port import ViewStore

MINUTE = 60_000_000
ATTEMPT = Attempt("ValueError", "not a number", 5, 0.25)
COUNT_UP = "INSERT INTO {t} AS t VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET n = t.n + excluded.n"
TALLY = "key TEXT PRIMARY KEY, n INTEGER NOT NULL"


class Opened(NamedTuple):
    """What is open: delivery, the views beside it (by them queries see consumers' tables), and what its store can."""

    delivery: DeliveryStore
    views: ViewStore
    capabilities: Capabilities


class OpenDelivery(Protocol):
    """Opens what delivery keeps at the test's one place, for a block. See DeliveryStoreConformance."""

    def __call__(self, clock: Clock, /) -> AbstractAsyncContextManager[Opened]: ...


_numbers = count(1)


class Bench:
    """An open store, and names that nobody else has: a consumer of topic `topic`, with a table for `{t}`."""

    def __init__(self, open: OpenDelivery, opened: Opened, clock: ManualClock) -> None:
        self.open, self.clock = open, clock
        self.kept, self.views, self.capabilities = opened
        self.word = f"w{next(_numbers)}_{new_id(0)[-8:]}"
        self.consumer, self.topic = f"{self.word}_mail", f"{self.word}-orders"
        self.names: dict[str, str] = {}

    async def claim(self, partition: int = 0) -> Claim:
        """A claim of the consumer's."""
        return await self.kept.claim(self.consumer, self.topic, partition)

    async def table(self) -> None:
        """Make the table `{t}`: counts by key."""
        made = await self.kept.prepare(self.consumer, {f"{self.word}_t": TALLY})
        self.names = {"t": made[f"{self.word}_t"]}

    def counting(self, key: str, number: int = 1) -> Statement:
        """A statement that counts up."""
        return COUNT_UP, (key, number)

    async def tally(self) -> dict[str, int]:
        """What is in the table."""
        return dict(await self.views.select(f"SELECT key, n FROM {self.word}_t", (), names=False))

    async def settle(self, claim: Claim, *ids: str, count: str = "") -> list[bool]:
        """Settle records by their ids; each counts up `count`."""
        statements = [self.counting(count)] if count else []
        return await self.kept.settle([Settled(claim, id, statements) for id in ids], self.names)

    def letter(
        self, id: str, offset: int = 0, *, key: str | None = "k", failed: bool = True, partition: int = 0, **more: Any
    ) -> Letter:
        """A letter of the consumer's."""
        attempts = (ATTEMPT,) if failed else ()
        more = {"value": b"value of " + id.encode(), "rested": self.clock.now(), "attempts": attempts, **more}
        return Letter(self.consumer, self.topic, partition, offset, id, key, **more)

    async def rest(self, claim: Claim, *letters: Letter) -> None:
        """Put letters in."""
        for letter in letters:
            assert await self.kept.rest(claim, letter)

    async def redriven(self, claim: Claim, id: str, *statements: Statement, behind: bool = True) -> bool:
        """Settle a letter."""
        return await self.kept.redriven(claim, id, statements, self.names, behind=behind)

    @property
    def all(self) -> Letters:
        """All letters of the consumer."""
        return Letters(self.consumer)

    async def resting(self) -> list[Letter]:
        """The consumer's letters."""
        return await self.kept.letters(self.all)

    async def noted(self, *ids: str) -> set[str]:
        """Which of these need no more work."""
        return await self.kept.settled(self.consumer, self.topic, ids)

    async def due(self, *claims: Claim, limit: int = 100) -> str:
        """The ids of letters that are due, one after the other."""
        return ids(await self.kept.due(claims, self.clock.now(), limit=limit))


def ids(letters: Iterable[Letter]) -> str:
    """Their ids, one after the other."""
    return "".join(letter.id for letter in letters)


def on_bench(test: Callable[[Any, Bench], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a method `test(self, bench)` a test with names of its own."""

    @functools.wraps(test)
    def body(self: Any, open_delivery: OpenDelivery) -> None:
        async def main() -> None:
            clock = ManualClock()
            async with open_delivery(clock) as opened:
                await test(self, Bench(open_delivery, opened, clock))

        run(main())

    # Runners of tests fill arguments by name: the bench is made here, from `open_delivery`.
    signature = inspect.signature(test)
    renamed = [
        each.replace(name={"bench": "open_delivery"}.get(name, name)) for name, each in signature.parameters.items()
    ]
    setattr(body, "__signature__", signature.replace(parameters=renamed))  # noqa: B010 - unknown to type checkers
    return body


def require(bench: Bench, capability: Callable[[Capabilities], bool], name: str) -> None:
    """Leave the test out where the store declares that it cannot do this."""
    if not capability(bench.capabilities):
        pytest.skip(f"the store declares that it is not {name}")


async def together(*calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """What they return or raise, all under way at once."""
    return await asyncio.gather(*calls, return_exceptions=True)
