"""Running reactions: every event at least once, in order within its stream; the commands that follow count once."""

import asyncio
import inspect
import logging
import random
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Protocol

from headwater.clock import Clock, to_micros
from headwater.codec import CommandCatalog, EventCatalog
from headwater.errors import IdReused, Rejected, StoreClosed
from headwater.fold import Reaction, Schedule, Unschedule
from headwater.messages import Envelope, Metadata, Page, Position, query
from headwater.reactions.port import ReactionStore, Timer
from headwater.store.port import EventStore
from headwater.views.projector import type_names

log = logging.getLogger(__name__)

PAGE = 256
BACKOFF = 0.05  # seconds: the longest wait before the second attempt, doubled for each further one
BACKOFF_CAP = 30.0


class Execute(Protocol):
    """How a command gets executed."""

    async def __call__(self, command: object, /, *, id: str, metadata: Metadata) -> Any: ...


class ReactionRunner:
    """Runs one reaction from its checkpoint on. One task, and one for each stream that a page of events touches."""

    def __init__(
        self, reaction: Reaction[Any], store: EventStore, kept: ReactionStore, events: EventCatalog,
        commands: CommandCatalog, execute: Execute, clock: Clock,
    ) -> None:  # fmt: skip
        self.reaction = reaction
        self._store = store
        self._kept = kept
        self._events = events
        self._commands = commands
        self._execute = execute
        self._clock = clock
        self._query = query(*type_names(reaction.events))
        self._slots = asyncio.Semaphore(reaction.concurrency)

    async def run(self) -> None:
        """Work until cancelled."""
        position = await self._kept.checkpoint(self.reaction.name)
        while True:
            try:
                page = await self._store.read(self._query, after=position, limit=PAGE)
                if page.position > position:
                    position = await self._work_off(page)
                else:
                    await self._store.wait(position, timeout=60)
            except StoreClosed:
                return

    async def _work_off(self, page: Page) -> Position:
        by_stream = sorted(page.events, key=lambda envelope: (envelope.stream, envelope.position))
        async with asyncio.TaskGroup() as group:
            for stream, run in groupby(by_stream, key=lambda envelope: envelope.stream):
                group.create_task(self._in_order(list(run)), name=f"reaction {self.reaction.name} {stream}")
        await self._kept.move(self.reaction.name, page.position)
        return page.position

    async def _in_order(self, envelopes: list[Envelope]) -> None:
        async with self._slots:
            for envelope in envelopes:
                await self._until_done(envelope)

    async def _until_done(self, envelope: Envelope) -> None:
        attempt = 0
        while True:
            try:
                await self._react(envelope)
                return
            except (StoreClosed, asyncio.CancelledError):
                raise
            except Exception:
                attempt += 1
                log.exception("reaction %s failed on event %s, attempt %d", self.reaction.name, envelope.id, attempt)
            # Full jitter: Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
            await self._clock.sleep(random.uniform(0, min(BACKOFF_CAP, BACKOFF * 2 ** min(attempt, 16))))

    async def _react(self, envelope: Envelope) -> None:
        answer = self.reaction.do(self._events.decode(envelope))
        wanted: Iterable[Any] = await answer if inspect.isawaitable(answer) else answer
        metadata = Metadata(
            envelope.metadata.correlation_id or envelope.id,
            envelope.id,
            envelope.metadata.traceparent,
            envelope.metadata.actor,
        )
        for number, each in enumerate(wanted or ()):
            await self._carry_out(each, f"{self.reaction.name}:{envelope.id}:{number}", envelope, metadata)

    async def _carry_out(self, wanted: Any, id: str, envelope: Envelope, metadata: Metadata) -> None:
        if isinstance(wanted, Schedule):
            await self._kept.put_timer(self._timer(wanted, id, envelope, metadata))
        elif isinstance(wanted, Unschedule):
            await self._kept.remove_timer(wanted.key)
        else:
            await carry_out(self._execute, wanted, id, metadata)

    def _timer(self, wanted: Schedule, id: str, envelope: Envelope, metadata: Metadata) -> Timer:
        due = to_micros(wanted.at) if wanted.at else envelope.time
        if wanted.after:
            due += int(wanted.after.total_seconds() * 1_000_000)
        name, data = self._commands.encode(wanted.command)
        return Timer(wanted.key, id, due, name, data, metadata)


async def carry_out(execute: Execute, command: object, id: str, metadata: Metadata) -> None:
    """Execute a command that follows from an event or a timer.

    The domain's "no" counts as done, and so does a command in whose place another one was executed before: `do` ran
    again, after a crash, and answered differently.
    """
    try:
        await execute(command, id=id, metadata=metadata)
    except (Rejected, IdReused) as no:
        log.info("command %s of %s was not executed: %s", type(command).__name__, id, no)


class TimerRunner:
    """Executes scheduled commands when their time has come, each once, earliest first. One task."""

    LONGEST_SLEEP = 1.0  # seconds: how late a timer set by another process may be noticed

    def __init__(self, kept: ReactionStore, commands: CommandCatalog, execute: Execute, clock: Clock) -> None:
        self._kept = kept
        self._commands = commands
        self._execute = execute
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                if not await self.fire_due():
                    await self._clock.sleep(await self._pause())
            except StoreClosed:
                return

    async def fire_due(self) -> int:
        """Execute what is due now; how many that were."""
        timers = await self._kept.due_timers(self._clock.now())
        for timer in timers:
            command = self._commands.decode(timer.command, timer.data)
            await carry_out(self._execute, command, timer.id, timer.metadata)
            await self._kept.remove_timer(timer.key, timer.id)
        return len(timers)

    async def _pause(self) -> float:
        due = await self._kept.next_due()
        if due is None:
            return self.LONGEST_SLEEP
        return min(self.LONGEST_SLEEP, max(0.001, (due - self._clock.now()) / 1_000_000))
