"""Working off one record: its attempts, its effects, and its way into the dead letters or out of them."""

import logging
import random
from collections.abc import Callable
from typing import Any

from headwater.clock import Clock
from headwater.commands.carrying import Execute, carry_out
from headwater.delivery.handler import NOTHING, Handler, Outcome
from headwater.delivery.mapping import metadata_of
from headwater.delivery.port import Attempt, DeliveryStore, Settled, Wish
from headwater.delivery.settler import Settler
from headwater.delivery.share import Item, letter_of
from headwater.errors import Fenced, StoreClosed
from headwater.flow.retry import Retry
from headwater.flow.timeout import within
from headwater.fold import Behind, Consumer
from headwater.keys.fetching import awaiting_keys
from headwater.messages import Record
from headwater.store.outage import PASSING, Outage
from headwater.store.port import EventStore

log = logging.getLogger(__name__)

BASE, CAP = 0.05, 30.0  # seconds: the longest waits before the second attempt, and before any
LONGEST_TEXT = 500  # characters of an error that are kept


class Worker:
    """Takes an item one step on. Its function's errors are attempts; those of the store are nobody's, and waited out.

    `finished(item)` is called once an item needs no more work here: it is settled, rests, or is not ours any more.
    """

    def __init__(
        self, consumer: Consumer[Any], handler: Handler, store: EventStore, kept: DeliveryStore, execute: Execute,
        clock: Clock, outage: Outage, finished: Callable[[Item], None],
    ) -> None:  # fmt: skip
        self.consumer = consumer
        self.settler = Settler(kept)
        self._handler = handler
        self._store = store
        self._kept = kept
        self._execute = execute
        self._clock = clock
        self._outage = outage
        self._finished = finished
        self._retry = Retry(consumer.attempts, base=BASE, cap=CAP)
        self._waits = consumer.behind is Behind.WAIT
        self._random = random.Random()

    async def work(self, item: Item) -> float | None:
        """One step: None when the item is finished here, or for how many seconds its key is to rest first."""
        if item.rest:
            rest, item.rest = item.rest, 0.0
            return rest
        share = item.share
        share.running += 1
        try:
            again = None if share.lost else await self._step(item)
        except Fenced:
            share.lost = True
            again = None
        except PASSING as error:
            self._outage.tell(error)
            return self._random.uniform(0.1, 1.0)
        finally:
            share.running -= 1
        if again is None:
            self._finished(item)
        return again

    async def _step(self, item: Item) -> float | None:
        if item.resting is None and item.letter is None and item.record.key in item.share.blocked:
            if await self._came_before(item.record):  # it would be put over itself, and over what was asked for it
                return None
            item.resting = letter_of(item, self._clock.now())  # it waits behind an earlier one of its key
        if item.resting is None:
            again = await self._attempt(item)
            if item.resting is None:
                return again
        rests = await self._kept.rest(item.share.claim, item.resting, item.letter)
        if rests and self._waits and item.record.key is not None:
            item.share.blocked.add(item.record.key)
        return None

    async def _came_before(self, record: Record) -> bool:
        """Whether a record rests already, or is done: after a crash it comes again."""
        return bool(await self._kept.settled(self.consumer.name, self.consumer.topic, [record.identity]))

    async def _attempt(self, item: Item) -> float | None:
        """Have it done; or say when to try again; or set what is to rest."""
        await self._handler.fetch_keys([item.record])
        began, start = self._clock.now(), self._clock.monotonic()
        try:
            if item.outcome is None:
                item.outcome = await awaiting_keys(lambda: self._ask(item))
        except StoreClosed:
            raise
        except Exception as error:
            return self.failed(item, error, began, self._clock.monotonic() - start)
        try:
            await self.carry_out(item.record, item.outcome)
            await self._settle(item, item.outcome)
        except (Fenced, StoreClosed, *PASSING):
            raise
        except Exception as error:
            item.outcome = None
            return self.failed(item, error, began, self._clock.monotonic() - start)
        self._outage.over()
        return None

    async def _ask(self, item: Item) -> Outcome:
        if item.letter is not None and item.letter.wish is Wish.DISCARD:
            return NOTHING
        if not self._handler.waits:
            return self._handler.call(item.record) if not self._handler.batches else await self._asked(item)
        return await within(self._clock, self.consumer.timeout, self._asked(item))

    async def _asked(self, item: Item) -> Outcome:
        return await self._handler.call_async([item.record])

    def failed(self, item: Item, error: Exception, began: int, seconds: float) -> float | None:
        """Note a failed attempt: for how long to rest before the next; None when there is none, and it is to rest."""
        item.failures += 1
        item.attempts.append(Attempt(type(error).__name__, str(error)[:LONGEST_TEXT], began, seconds))
        again = self._retry.pause(item.failures, error)
        where = f"{item.record.topic}/{item.record.partition}/{item.record.offset}"
        if again is None:
            log.error(
                "consumer %s: record %s rests in the dead letters after attempt %d: %s", self.consumer.name, where,
                item.failures, error,
            )  # fmt: skip
            item.resting = letter_of(item, self._clock.now())
        else:
            log.warning(
                "consumer %s: record %s failed, attempt %d: %s", self.consumer.name, where, item.failures, error
            )
        return again

    async def carry_out(self, record: Record, outcome: Outcome) -> None:
        """Append and execute what follows from a record; each counts once by its id."""
        if outcome.local:
            return
        name = f"{self.consumer.name}:{record.identity}"
        for number, write in enumerate(outcome.writes):
            await self._store.append(write, id=f"{name}:w{number}")
        metadata = metadata_of(record)
        for number, command in enumerate(outcome.commands):
            await carry_out(self._execute, command, f"{name}:{number}", metadata)

    async def _settle(self, item: Item, outcome: Outcome) -> None:
        claim, letter = item.share.claim, item.letter
        if letter is not None:
            more = await self._kept.redriven(claim, letter.id, outcome.statements, self.settler.tables, behind=True)
            if not more and letter.key is not None:
                item.share.blocked.discard(letter.key)
        elif self.consumer.once or outcome.statements:
            await self.settler.settle(Settled(claim, item.record.identity, outcome.statements))
