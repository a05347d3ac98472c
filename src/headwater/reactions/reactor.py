"""What a reaction does about one event, wherever that comes from: the store, or a topic."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union

from headwater.clock import to_micros
from headwater.codec import CommandCatalog
from headwater.commands.carrying import Execute, carry_out
from headwater.delivery.mapping import metadata_of, time_of
from headwater.fold import Consumer, Reaction, Schedule, Topic, Unschedule
from headwater.messages import Envelope, Metadata, Record
from headwater.reactions.port import ReactionStore, Timer


class Reactor:
    """Asks one reaction, and carries out what it answers. Doing so again for the same event counts once."""

    def __init__(
        self, reaction: Reaction[Any], kept: ReactionStore, commands: CommandCatalog, execute: Execute,
        scheduled: Callable[[], None],
    ) -> None:  # fmt: skip
        self.reaction = reaction
        self._kept = kept
        self._commands = commands
        self._execute = execute
        self._scheduled = scheduled

    async def react(self, event: Any, id: str, time: int, metadata: Metadata) -> None:
        """Do what follows from an event with that id, which happened at `time`; `metadata` is that of the commands."""
        answer = self.reaction.do(event)
        wanted: Iterable[Any] = await answer if inspect.isawaitable(answer) else answer
        for number, each in enumerate(wanted or ()):
            await self._carry_out(each, f"{self.reaction.name}:{id}:{number}", time, metadata)

    async def _carry_out(self, wanted: Any, id: str, time: int, metadata: Metadata) -> None:
        if isinstance(wanted, Schedule):
            await self._kept.put_timer(self._timer(wanted, id, time, metadata))
            self._scheduled()
        elif isinstance(wanted, Unschedule):
            await self._kept.remove_timer(wanted.key)
        else:
            await carry_out(self._execute, wanted, id, metadata)

    def _timer(self, wanted: Schedule, id: str, time: int, metadata: Metadata) -> Timer:
        due = to_micros(wanted.at) if wanted.at else time
        if wanted.after:
            due += int(wanted.after.total_seconds() * 1_000_000)
        name, data = self._commands.encode(wanted.command)
        return Timer(wanted.key, id, due, name, data, metadata)


def metadata_after(envelope: Envelope) -> Metadata:
    """Where what follows from a recorded event comes from."""
    about = envelope.metadata
    return Metadata(about.correlation_id or envelope.id, envelope.id, about.traceparent, about.actor)


def sources(reaction: Reaction[Any], topics: Sequence[Topic]) -> list[Topic]:
    """The topics that a reaction's events are relayed to; none unless all of them are."""
    found = [topic for topic in topics if set(topic.events) & set(reaction.events)]
    return found if {cls for topic in found for cls in topic.events} >= set(reaction.events) else []


def as_consumer(reactor: Reactor, topic: Topic) -> Consumer[Any]:
    """The consumer that does on a topic what the reaction does on the store: it is tried again without end."""
    mine = tuple(cls for cls in topic.events if cls in reactor.reaction.events)

    async def do(event: Any, record: Record) -> None:
        await reactor.react(event, record.identity, time_of(record), metadata_of(record))

    do.__annotations__["event"] = Union[mine]  # noqa: UP007 - made at run time
    reaction = reactor.reaction
    return Consumer(topic.name, reaction.name, do, concurrency=reaction.concurrency, attempts=None, once=False)
