"""Settling for many lanes at once: what finishes while a transaction is under way shares the next one."""

import asyncio
from collections.abc import Mapping

from headwater.delivery.port import DeliveryStore, Settled
from headwater.errors import HeadwaterError
from headwater.store.outage import PASSING

MOST = 500  # records in one transaction

Waiting = tuple[Settled, "asyncio.Future[None]"]


class Settler:
    """Settles records, in one transaction after the other, each for all that wait by then; `run` must be running.

    Each is judged on its own: where they cannot be settled together, every one is settled for itself.
    """

    def __init__(self, kept: DeliveryStore) -> None:
        self.tables: Mapping[str, str] = {}
        self._kept = kept
        self._waiting: list[Waiting] = []
        self._wake = asyncio.Event()

    async def settle(self, settled: Settled) -> None:
        """Settle a record: it is, when this returns. Raises what DeliveryStore.settle raises for it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((settled, future))
        self._wake.set()
        await future

    async def run(self) -> None:
        """Work until cancelled; whoever waits then is cancelled too."""
        try:
            while True:
                self._wake.clear()
                if not self._waiting:
                    await self._wake.wait()
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not await self._together(batch):
                    for one in batch:
                        await self._alone(one)
        finally:
            for _, future in self._waiting:
                future.cancel()

    async def _together(self, batch: list[Waiting]) -> bool:
        if len(batch) == 1:
            return False
        try:
            await self._kept.settle([settled for settled, _ in batch], self.tables)
            error: Exception | None = None
        except PASSING as passing:  # one by one would be no better
            error = passing
        except HeadwaterError:
            return False
        for _, future in batch:
            _tell(future, error)
        return True

    async def _alone(self, one: Waiting) -> None:
        settled, future = one
        try:
            await self._kept.settle([settled], self.tables)
        except HeadwaterError as error:
            _tell(future, error)
        else:
            _tell(future, None)


def _tell(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
