"""Running a consumer: from a topic's records to effects, in order for each key, each counting once."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from headwater.clock import Clock
from headwater.codec import EventCatalog
from headwater.commands.carrying import Execute
from headwater.delivery.handler import Handler
from headwater.delivery.page import PageWorker
from headwater.delivery.port import DeliveryStore
from headwater.delivery.share import Item, Share, record_of
from headwater.delivery.worker import Worker
from headwater.errors import StoreClosed, TimedOut
from headwater.flow.lanes import Lanes
from headwater.flow.timeout import within
from headwater.fold import Behind, Consumer
from headwater.messages import Record
from headwater.store.outage import PASSING, Outage
from headwater.store.port import EventStore
from headwater.streaming.port import SESSION, Broker, Member
from headwater.streaming.records import Progress

log = logging.getLogger(__name__)

PAGE = 500
LETTERS = 100  # letters that are taken up together
LOOK_EVERY = 1.0  # seconds between looks for letters that are to be redriven
FORGET_EVERY = 5.0  # seconds; each time 10,000 at most
FORGET = 10_000  # ids at once
BRISK, CALM = 0.1, 1.0  # seconds of a fetch: while there is progress to commit, and while there is none
FINISH_WITHIN = 5.0  # seconds for what has begun, when the runner is stopped


class ConsumerRunner:
    """Runs one consumer as one member of its group; any number of runners, in any number of processes, share the work.

    Each record of a partition is claimed before it is worked off, so that of two runners which both believe that they
    have the partition only the later one has any effect. Progress is committed behind what is settled: after a crash
    the records between are worked off again, and found to be settled.
    """

    def __init__(
        self, consumer: Consumer[Any], broker: Broker, store: EventStore, kept: DeliveryStore, events: EventCatalog,
        execute: Execute, clock: Clock, session: float = SESSION,
    ) -> None:  # fmt: skip
        self.consumer = consumer
        self._session = session
        self._broker = broker
        self._kept = kept
        self._clock = clock
        self._outage = Outage(f"consumer {consumer.name}")
        self._reading = Outage(f"consumer {consumer.name}, reading")
        self._failed = 0  # attempts to read, one after the other
        self._handler = Handler(consumer, events)
        self._worker = Worker(consumer, self._handler, store, kept, execute, clock, self._outage, self._finished)
        self._lanes: Lanes[Item] = Lanes(
            self._worker.work, concurrency=consumer.concurrency, capacity=consumer.max_open + 2 * PAGE, clock=clock,
            name=f"consumer {consumer.name}",
        )  # fmt: skip
        self._pages = PageWorker(consumer, self._handler, self._worker, kept, self._lanes, clock, self._outage)
        self._shares: dict[int, Share] = {}
        self._redriving: set[str] = set()
        self._progress = asyncio.Event()
        self._letters = asyncio.Event()
        self._forget_at = 0.0

    async def run(self) -> None:
        """Work until cancelled, then finish what has begun within FINISH_WITHIN seconds, commit and leave. While the
        store or the broker cannot, wait; then go on."""
        consumer = self.consumer
        if consumer.tables:
            self._worker.settler.tables = await self._outage.outlive(
                lambda: self._kept.prepare(consumer.name, consumer.tables)
            )
        member = await self._outage.outlive(
            lambda: self._broker.join(consumer.topic, consumer.name, session=self._session)
        )
        try:
            async with asyncio.TaskGroup() as group:
                await self._run(member, group)
        except ExceptionGroup as failed:
            _, others = failed.split(StoreClosed)
            if others:
                raise others.exceptions[0] from failed
        finally:
            with suppress(*PASSING, StoreClosed):
                await member.leave()

    async def _run(self, member: Member, group: asyncio.TaskGroup) -> None:
        name = f"consumer {self.consumer.name}"
        lanes = group.create_task(self._lanes.run(), name=f"{name} lanes")
        letters = group.create_task(self._redrive(), name=f"{name} letters")
        settler = group.create_task(self._worker.settler.run(), name=f"{name} settler")
        try:
            while True:
                await self._round(member)
        finally:
            letters.cancel()
            if not lanes.done():
                await self._finish(member)
                lanes.cancel()
            settler.cancel()

    async def _round(self, member: Member) -> None:
        self._progress.clear()
        held = self._hold_back(member)
        timeout = 0.0 if held else BRISK if self._uncommitted() else CALM
        limit = min(PAGE, self._bound())
        records = await self._fetch(member, limit, timeout)
        if held and not records:
            with suppress(TimedOut):
                await within(self._clock, BRISK, self._progress.wait())
        await self._follow(member)
        if records:
            await self._take(records)
        await self._commit(member)
        await self._hand_over(member)

    async def _fetch(self, member: Member, limit: int, timeout: float) -> Sequence[Record]:
        """The next records; none while the broker cannot, so that what is done meanwhile is seen to."""
        try:
            records = await member.fetch(limit, timeout=timeout)
        except PASSING as error:
            self._failed += 1
            await self._reading.wait(error, self._failed)
            return ()
        self._failed = 0
        self._reading.over()
        return records

    # -- what is ours

    async def _follow(self, member: Member) -> None:
        """Take over partitions that were assigned, and give up those that were taken away."""
        assigned = member.assigned
        for partition, share in list(self._shares.items()):
            mine = partition in assigned and assigned[partition].generation == share.generation
            called_off = share.dropped and partition not in member.leaving  # what had not begun is forgotten already
            if share.lost or called_off or not mine:
                self._give_up(share)
                if mine:  # another runner has claimed it, and the broker is behind; or it is to begin anew here
                    await self._outage.outlive(lambda p=partition: member.release([p]))  # type: ignore[misc]
        for partition, each in list(member.assigned.items()):
            if partition not in self._shares:
                where = self.consumer.name, self.consumer.topic, partition
                claim = await self._outage.outlive(lambda w=where: self._kept.claim(*w))  # type: ignore[misc]
                waits = self.consumer.behind is Behind.WAIT
                blocked = await self._outage.outlive(lambda w=where: self._kept.blocked(*w)) if waits else ()  # type: ignore[misc]
                self._shares[partition] = Share(partition, each, claim, blocked)

    def _give_up(self, share: Share) -> None:
        share.lost = True
        del self._shares[share.partition]
        self._drop(share)

    def _drop(self, share: Share) -> None:
        """Forget what of a partition has not begun; whoever has it next gets it again."""
        share.dropped = True
        self._lanes.drop(lambda item: item.share is share)
        self._redriving -= {id for id in self._redriving if id.startswith(f"{share.partition}:")}

    async def _hand_over(self, member: Member) -> None:
        """Release partitions that another member is to have, once nothing of them runs."""
        for partition in list(member.leaving):
            share = self._shares.get(partition)
            if share is not None and not share.dropped:
                self._drop(share)
            if share is None or not share.running:
                await self._commit(member)
                if share is not None:
                    self._give_up(share)
                await self._outage.outlive(lambda p=partition: member.release([p]))  # type: ignore[misc]

    # -- records

    async def _take(self, records: Sequence[Record]) -> None:
        runs: list[tuple[Share, Sequence[Record]]] = []
        for partition, run in [(records[0].partition, records)] if len(self._shares) == 1 else _by_partition(records):
            share = self._shares.get(partition)
            if share is not None and not share.lost and not share.dropped:
                runs.append((share, run))
        for item in await self._pages.run(runs):
            self._finished(item)

    def _finished(self, item: Item) -> None:
        if item.letter is not None:
            self._redriving.discard(f"{item.share.partition}:{item.letter.id}")
            self._letters.set()
            return
        item.share.open -= 1
        if not item.share.lost:
            item.share.tracker.done(item.record.offset)
        self._progress.set()

    def _hold_back(self, member: Member) -> bool:
        """Leave partitions out of which too much is open, so that they slow their source and nothing else. Whether
        there are any."""
        bound = self._bound()
        for share in self._shares.values():
            if not share.paused and share.open >= bound:
                share.paused = True
                member.pause(share.partition)
            elif share.paused and share.open <= bound // 2:
                share.paused = False
                member.resume(share.partition)
        return any(share.paused for share in self._shares.values())

    def _bound(self) -> int:
        """How much may be open in a partition before it is held back, and come at once."""
        return max(1, self.consumer.max_open // max(1, len(self._shares)))

    # -- progress

    def _uncommitted(self) -> bool:
        return any(share.open or share.tracker.prefix != share.committed.next for share in self._shares.values())

    async def _commit(self, member: Member) -> None:
        moved: dict[int, Progress] = {}
        for share in self._shares.values():
            if not share.lost and (progress := share.progress) != share.committed:
                moved[share.partition] = progress
        if moved:
            await self._outage.outlive(lambda: member.commit(moved))
            for partition, progress in moved.items():
                self._shares[partition].committed = progress

    async def _finish(self, member: Member) -> None:
        """Let what has begun come to its end; leave the rest to others."""
        for share in self._shares.values():
            self._drop(share)
        await self._lanes.drain(FINISH_WITHIN)
        with suppress(*PASSING, StoreClosed):
            await member.commit({share.partition: share.progress for share in self._shares.values() if not share.lost})

    # -- dead letters

    async def _redrive(self) -> None:
        """Bring letters that an operator wants redriven or discarded into the lanes of their keys."""
        while True:
            self._letters.clear()
            await self._take_letters()
            await self._forget()
            with suppress(TimedOut):
                await within(self._clock, LOOK_EVERY, self._letters.wait())

    async def _forget(self) -> None:
        """Forget a part of what was settled too long ago, now and then."""
        if not self.consumer.once or self._clock.monotonic() < self._forget_at:
            return
        self._forget_at = self._clock.monotonic() + FORGET_EVERY
        before = self._clock.now() - self.consumer.remember // timedelta(microseconds=1)
        name, topic = self.consumer.name, self.consumer.topic
        gone = FORGET
        while gone == FORGET:
            gone = await self._outage.outlive(lambda: self._kept.forget(name, topic, before, limit=FORGET))

    async def _take_letters(self) -> None:
        shares = {share.partition: share for share in self._shares.values() if not share.lost and not share.dropped}
        if not shares:
            return
        claims = [share.claim for share in shares.values()]
        now = self._clock.now()
        letters = await self._outage.outlive(lambda: self._kept.due(claims, now, limit=LETTERS))
        for letter in letters:
            mark, share = f"{letter.partition}:{letter.id}", shares[letter.partition]
            if mark not in self._redriving and not share.lost and not share.dropped:
                item = Item(record_of(letter), share, letter)
                if self._lanes.try_put(letter.key, item):
                    self._redriving.add(mark)


def _by_partition(records: Sequence[Record]) -> Iterable[tuple[int, Sequence[Record]]]:
    shares: dict[int, list[Record]] = {}
    for record in records:
        shares.setdefault(record.partition, []).append(record)
    return shares.items()
