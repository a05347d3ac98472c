"""What a service is made with: addresses, a database, others to ask, and somebody who sees to what goes on beside."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.parts.asking import Manner, Peer, client, peer
from headwater_shop.parts.database import Database
from headwater_shop.parts.forms import Form


@dataclass(frozen=True)
class Given:
    """What a service is started with: the addresses of those whom it asks, its database's, the form of the products
    interface that it knows, how it asks, and the seconds from paid to dispatched, and from placed to cancelled where
    nobody pays. `others` are the addresses of other architectures that run now, by title: for the pages' switch."""

    peers: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    interface: Form = ""
    manner: Manner = "hardened"
    packing: float = 0.0
    payment_deadline: float = PAYMENT_DEADLINE.total_seconds()
    others: Mapping[str, str] = field(default_factory=dict)


class Bench:
    """Where a service is made; what is opened here is closed with it."""

    def __init__(self, given: Given, by: httpx.AsyncClient, stack: AsyncExitStack, group: asyncio.TaskGroup) -> None:
        self.given = given
        self._by = by
        self._stack = stack
        self._group = group
        self._beside: set[asyncio.Task[None]] = set()

    def peer(self, name: str) -> Peer:
        """The service of that name. Raises KeyError where its address was not given."""
        return peer(name, self.given.peers[name], self._by, self.given.manner)

    async def database(self, *tables: Sequence[str]) -> Database:
        """The service's database, with these tables."""
        database = await Database.open(self.given.database, [each for some in tables for each in some])
        self._stack.push_async_callback(database.close)
        return database

    def closed_in_the_end(self, asking: httpx.AsyncClient) -> httpx.AsyncClient:
        """That client, which is closed with the bench."""
        self._stack.push_async_callback(asking.aclose)
        return asking

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Have that done beside; it is cancelled when the service ends. What it raises ends the service."""
        task = self._group.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def end(self) -> None:
        """End what goes on beside."""
        for task in self._beside:
            task.cancel()


@asynccontextmanager
async def bench(given: Given) -> AsyncIterator[Bench]:
    """A bench until the block ends."""
    async with AsyncExitStack() as stack:
        by = await stack.enter_async_context(client())
        async with asyncio.TaskGroup() as group:
            made = Bench(given, by, stack, group)
            try:
                yield made
            finally:
                made.end()
