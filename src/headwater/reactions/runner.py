"""Running reactions: every event at least once, in order within its stream; the commands that follow count once."""

import asyncio
import logging
from collections import deque

from headwater.clock import Clock
from headwater.codec import CommandCatalog, EventCatalog
from headwater.commands.carrying import Execute, carry_out
from headwater.errors import DeclarationError, StoreClosed, UnknownType
from headwater.flow.retry import full_jitter
from headwater.keys.fetching import with_keys
from headwater.messages import Envelope, Position, query
from headwater.reactions.port import ReactionStore, Timer
from headwater.reactions.reactor import Reactor, metadata_after
from headwater.store.outage import PASSING, Outage
from headwater.store.port import EventStore
from headwater.upcasting import part_id

log = logging.getLogger(__name__)

PAGE = 256
MAX_OPEN = 4_096  # events that a reaction holds at most
LIMIT = 100  # timers that are looked at together
BACKOFF = 0.1  # seconds: the longest wait before the second attempt, doubled for each further one
BACKOFF_CAP = 30.0


class ReactionRunner:
    """Runs one reaction from its checkpoint on: a task for each stream that has events open, and one to read on.

    Up to MAX_OPEN events are held, so a stream whose `do` fails holds up the others only when that many wait behind it.
    The checkpoint stands before the first event that is not done.
    """

    def __init__(
        self, reactor: Reactor, store: EventStore, kept: ReactionStore, events: EventCatalog, clock: Clock
    ) -> None:
        self.reaction = reaction = reactor.reaction
        self._reactor = reactor
        self._store = store
        self._kept = kept
        self._events = events
        self._clock = clock
        self._outage = Outage(f"reaction {reaction.name}")
        self._query = query(*events.sources(reaction.events))
        self._slots = asyncio.Semaphore(reaction.concurrency)
        self._room = asyncio.Semaphore(MAX_OPEN)
        self._open: dict[Position, None] = {}  # in order
        self._waiting: dict[str, deque[Envelope]] = {}
        self._read = 0
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled. While the store cannot, wait; then go on."""
        self._read = await self._outage.outlive(lambda: self._kept.checkpoint(self.reaction.name))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_checkpoint(), name=f"reaction {self.reaction.name} checkpoint")
                while True:
                    await self._read_on(group)
        except ExceptionGroup as failed:
            _, others = failed.split(StoreClosed)
            if others:
                raise others.exceptions[0] from failed

    async def _read_on(self, group: asyncio.TaskGroup) -> None:
        page = await self._outage.outlive(lambda: self._store.read(self._query, after=self._read, limit=PAGE))
        if page.position <= self._read:
            await self._outage.outlive(lambda: self._store.wait(self._read, timeout=60))
            return
        for envelope in page.events:
            await self._room.acquire()
            self._take(envelope, group)
        self._read = page.position
        self._progress.set()

    def _take(self, envelope: Envelope, group: asyncio.TaskGroup) -> None:
        self._read = envelope.position
        self._open[envelope.position] = None
        if envelope.stream in self._waiting:
            self._waiting[envelope.stream].append(envelope)
        else:
            self._waiting[envelope.stream] = deque([envelope])
            group.create_task(self._in_order(envelope.stream), name=f"reaction {self.reaction.name} {envelope.stream}")

    async def _in_order(self, stream: str) -> None:
        waiting = self._waiting[stream]
        while waiting:
            await self._until_done(waiting[0])
            del self._open[waiting.popleft().position]
            self._room.release()
            self._progress.set()
        del self._waiting[stream]

    async def _keep_checkpoint(self) -> None:
        while True:
            await self._progress.wait()
            self._progress.clear()
            await self._outage.outlive(self._move_checkpoint)

    async def _move_checkpoint(self) -> None:
        await self._kept.move(self.reaction.name, next(iter(self._open), self._read + 1) - 1)

    async def _until_done(self, envelope: Envelope) -> None:
        attempt = 0
        while True:
            try:
                async with self._slots:  # given back while a failure waits for its next attempt
                    await self._react(envelope)
                return
            except (StoreClosed, DeclarationError, UnknownType):
                raise  # no further attempt would end otherwise
            except Exception as error:
                attempt += 1
                await self._after(error, envelope, attempt)

    async def _react(self, envelope: Envelope) -> None:
        for number, event in enumerate(await with_keys(lambda: self._events.decode(envelope))):
            if event.__class__ in self.reaction.events:
                id = part_id(envelope.id, number)
                await self._reactor.react(event, id, envelope.time, metadata_after(envelope))

    async def _after(self, error: Exception, envelope: Envelope, attempt: int) -> None:
        """Wait before the next attempt."""
        if isinstance(error, PASSING):
            await self._outage.wait(error, attempt)
            return
        log.error(
            "reaction %s failed on event %s, attempt %d", self.reaction.name, envelope.id, attempt, exc_info=error
        )
        await self._clock.sleep(full_jitter(attempt, BACKOFF, BACKOFF_CAP))


class TimerRunner:
    """Executes scheduled commands when their time has come, each once, earliest first. One task.

    One that fails (other than by the domain's "no") is tried again later, and holds up nobody else.
    """

    LONGEST_SLEEP = 1.0  # seconds: how late a timer set by another process may be noticed

    def __init__(self, kept: ReactionStore, commands: CommandCatalog, execute: Execute, clock: Clock) -> None:
        self._kept = kept
        self._commands = commands
        self._execute = execute
        self._clock = clock
        self._outage = Outage("timers")
        self._wake = asyncio.Event()
        self._failed: dict[str, tuple[int, int]] = {}  # by timer id: attempts, and not before this time

    def wake(self) -> None:
        """A timer was set: it may be due before all others, or already."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled. While the store cannot, wait; then go on."""
        try:
            while True:
                self._wake.clear()
                if not await self.fire_due():
                    await self._sleep()
        except StoreClosed:
            return

    async def fire_due(self) -> int:
        """Execute what is due now; how many that were."""
        now = self._clock.now()
        due = await self._outage.outlive(lambda: self._kept.due_timers(now, LIMIT + len(self._failed)))
        ready = [timer for timer in due if self._failed.get(timer.id, (0, 0))[1] <= now]
        for timer in ready:
            await self._fire(timer)
        return len(ready)

    async def _fire(self, timer: Timer) -> None:
        try:
            command = self._commands.decode(timer.command, timer.data)
            await carry_out(self._execute, command, timer.id, timer.metadata)
            await self._kept.remove_timer(timer.key, timer.id)
            self._failed.pop(timer.id, None)
        except StoreClosed:
            raise
        except Exception as error:
            attempt = self._failed.get(timer.id, (0, 0))[0] + 1
            if isinstance(error, PASSING):
                self._outage.tell(error)
            else:
                log.exception("command %s of timer %s failed, attempt %d", timer.command, timer.key, attempt)
            self._failed[timer.id] = (
                attempt,
                self._clock.now() + int(full_jitter(attempt, BACKOFF, BACKOFF_CAP) * 1_000_000),
            )

    async def _sleep(self) -> None:
        """Until a timer may be due or one was set."""
        ends = [asyncio.ensure_future(self._until_due()), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _until_due(self) -> None:
        # Looks at the time only now: a clock that is moved while this task is about to start must not be missed.
        await self._clock.sleep(await self._pause())

    async def _pause(self) -> float:
        due = await self._kept.next_due()
        if due is None:
            return self.LONGEST_SLEEP
        again = min((moment for _, moment in self._failed.values()), default=due)
        return min(self.LONGEST_SLEEP, max(0.0, (max(due, again) - self._clock.now()) / 1_000_000))
