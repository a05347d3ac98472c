"""Working off what was fetched together: at once where a function answers at once, through the lanes otherwise."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from headwater.clock import Clock
from headwater.delivery.handler import NOTHING, Handler
from headwater.delivery.port import DeliveryStore, Settled
from headwater.delivery.share import Item, Share
from headwater.delivery.worker import Worker
from headwater.errors import KeysNeeded, StoreClosed
from headwater.flow.lanes import Lanes
from headwater.flow.timeout import within
from headwater.fold import Consumer, Statement
from headwater.messages import Record
from headwater.store.outage import Outage

log = logging.getLogger(__name__)


class PageWorker:
    """Takes a page of records. Those whose key has something open already follow it in its lane."""

    def __init__(
        self, consumer: Consumer[Any], handler: Handler, worker: Worker, kept: DeliveryStore, lanes: Lanes[Item],
        clock: Clock, outage: Outage,
    ) -> None:  # fmt: skip
        self._consumer = consumer
        self._handler = handler
        self._worker = worker
        self._kept = kept
        self._lanes = lanes
        self._clock = clock
        self._outage = outage
        self._ask_first = consumer.once and (handler.waits or handler.batches)

    async def run(self, runs: Sequence[tuple[Share, Sequence[Record]]]) -> list[Item]:
        """Work off records, each partition's in order: at once where that is all that is to be done, which costs least
        (their offsets are noted in the tracker); as items otherwise. Those items that are finished already."""
        fetched = [record for _, records in runs for record in records]
        await self._outage.outlive(lambda: self._handler.fetch_keys(fetched))
        called = [(share, self._call_run(share, records), records) for share, records in runs]
        settled = [each for _, done, _ in called for each in done.settled]
        together = not settled or await self._settle_all(settled)
        items: list[Item] = []
        for share, done, records in called:
            if together and done.length:
                share.tracker.skip(records[done.length - 1].offset)
            failed = done.failed
            for record in records[done.length if together else 0 :]:
                if share.tracker.add(record.offset):
                    share.open += 1
                    items.append(failed if failed is not None and failed.record is record else Item(record, share))
        return await self._work(items) if items else []

    def _call_run(self, share: Share, records: Sequence[Record]) -> "Run":
        """Call the function for one record after the other, as long as nothing else is needed than settling them."""
        handler = self._handler
        if handler.waits or handler.batches or share.blocked or not share.tracker.clear:
            return NO_RUN
        ask, concerns, once, claim = handler.ask, handler.concerns, self._consumer.once, share.claim
        settled: list[Settled] = []
        count, start = 0, self._clock.monotonic()
        try:
            for record in records:
                answer = ask(record) if concerns is None or concerns(record) else None
                if answer is not None or once:
                    outcome = handler.sort(answer)
                    if not outcome.local:
                        break
                    if once or outcome.statements:
                        settled.append(Settled(claim, record.identity, outcome.statements))
                count += 1
        except StoreClosed:
            raise
        except KeysNeeded:  # gone again meanwhile: the lanes wait for them
            return Run(count, settled, None)
        except Exception as error:
            item, seconds = Item(records[count], share), self._clock.monotonic() - start
            began = self._clock.now() - int(seconds * 1_000_000)
            item.rest = self._worker.failed(item, error, began, seconds) or 0.0
            item.failed = True
            return Run(count, settled, item)
        return Run(count, settled, None)

    async def _settle_all(self, settled: Sequence[Settled]) -> bool:
        """Settle records in one transaction. False if that is not possible: each for itself then."""
        try:
            await self._outage.outlive(lambda: self._kept.settle(settled, self._worker.settler.tables))
        except StoreClosed:
            raise
        except Exception as error:  # a partition was lost, or a statement is wrong
            log.info("consumer %s: %d records were not settled together: %s", self._consumer.name, len(settled), error)
            return False
        return True

    async def _work(self, items: Sequence[Item]) -> list[Item]:
        """Bring items on their way; those that are finished already."""
        concerned, finished = self._divide(items)
        if self._ask_first and concerned:
            concerned, settled = await self._unsettled(concerned)
            finished += settled
        if self._handler.batches:
            called = await self._call_together(concerned)
        elif self._handler.waits:
            called = Called([], concerned)
        else:
            called = self._call_each(concerned)
        if called.done:
            finished += await self._settle(called)
        for item in called.later:
            await self._lanes.put(item.record.key, item)
        return finished

    def _divide(self, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        concerned: list[Item] = []
        others: list[Item] = []
        concerns = self._handler.concerns
        for item in items:
            (concerned if concerns is None or concerns(item.record) else others).append(item)
        return concerned, others

    async def _unsettled(self, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Those whose function is to be called, and those of which that is not so: done before, or resting."""
        name, topic = self._consumer.name, self._consumer.topic
        ids = [item.record.identity for item in items]
        settled = await self._outage.outlive(lambda: self._kept.settled(name, topic, ids))
        anew: list[Item] = []
        before: list[Item] = []
        for item in items:
            (before if item.record.identity in settled else anew).append(item)
            if self._handler.batches:
                settled.add(item.record.identity)  # a second one in this page
        return anew, before

    def _held(self, item: Item, held: set[str]) -> bool:
        """Whether it must follow others of its key in their lane."""
        key = item.record.key
        return key is not None and (key in held or key in item.share.blocked or self._lanes.holds(key))

    def _call_each(self, items: Sequence[Item]) -> "Called":
        called, held = Called([], []), set[str]()
        clock, call = self._clock, self._handler.call
        for item in items:
            if not item.failed and not self._held(item, held):
                start = clock.monotonic()
                try:
                    item.outcome = call(item.record)
                except StoreClosed:
                    raise
                except KeysNeeded:
                    pass  # the lane waits for them
                except Exception as error:
                    seconds = clock.monotonic() - start
                    item.rest = self._worker.failed(item, error, clock.now() - int(seconds * 1e6), seconds) or 0.0
                else:
                    if item.outcome.local:
                        called.done.append(item)
                        continue
            called.later.append(item)
            if item.record.key is not None:
                held.add(item.record.key)
        return called

    async def _call_together(self, items: Sequence[Item]) -> "Called":
        """All at once; if that fails, each for itself, so that the one which is at fault shows."""
        held: set[str] = set()
        called = Called([], [])
        for item in items:
            if self._held(item, held):
                called.later.append(item)
                held.add(item.record.key or "")
            else:
                called.done.append(item)
        if not called.done:
            return called
        try:
            work = self._handler.call_async([item.record for item in called.done])
            outcome = await within(self._clock, self._consumer.timeout, work)
        except StoreClosed:
            raise
        except Exception as error:
            log.warning("consumer %s: %d records together failed: %s", self._consumer.name, len(called.done), error)
            return Called([], list(items))
        if not outcome.local:
            return Called([], list(items))
        for item in called.done:
            item.outcome = NOTHING
        called.done[0].outcome = outcome
        return called

    async def _settle(self, called: "Called") -> list[Item]:
        """Settle what is done in one transaction; what cannot be settled so goes through the lanes."""
        settled = [Settled(item.share.claim, item.record.identity, _statements(item)) for item in called.done]
        if not self._consumer.once and not any(each.statements for each in settled):
            return called.done
        if await self._settle_all(settled):
            return called.done
        if self._handler.batches:
            for item in called.done:
                item.outcome = None
        called.later[:0] = called.done
        return []


class Run(NamedTuple):
    """How many records in a row are done but for being settled, and the one after them if it failed."""

    length: int
    settled: Sequence[Settled]
    failed: Item | None


NO_RUN = Run(0, (), None)


class Called(NamedTuple):
    """Items whose function has answered and which are to be settled, and those for the lanes."""

    done: list[Item]
    later: list[Item]


def _statements(item: Item) -> Sequence[Statement]:
    return item.outcome.statements if item.outcome else ()
