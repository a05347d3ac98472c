"""What works beside the user of a Runtime: views, reactions, timers, relays and consumers, by name."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, NamedTuple

from headwater.clock import Clock
from headwater.commands.carrying import Execute
from headwater.delivery.consumer import ConsumerRunner
from headwater.delivery.port import DeliveryStore
from headwater.delivery.relay import Relay
from headwater.errors import DeclarationError, UnknownType
from headwater.fold import App, Consumer
from headwater.messages import Position
from headwater.reactions.port import ReactionStore
from headwater.reactions.reactor import Reactor, as_consumer, sources
from headwater.reactions.runner import ReactionRunner, TimerRunner
from headwater.store.port import EventStore
from headwater.streaming.port import SESSION, Broker
from headwater.streaming.producer import Producer

VIEWS, TIMERS = "views", "timers"


class Work(NamedTuple):
    """What one task does, and what it is called in lists of tasks."""

    label: str
    run: Callable[[], Coroutine[Any, Any, None]]


class Workers:
    """Who works for an application on this store and this broker.

    A reaction whose events are all relayed to topics runs as a consumer of those, others run on the store. A name
    means all that goes by it: `views`, `timers`, a reaction, a consumer, or a topic (its relay).
    """

    def __init__(
        self, app: App, store: EventStore, kept: ReactionStore, delivery: DeliveryStore, broker: Broker | None,
        execute: Execute, clock: Clock, session: float = SESSION,
    ) -> None:  # fmt: skip
        self._app = app
        self._store = store
        self._kept = kept
        self._delivery = delivery
        self._broker = broker
        self._execute = execute
        self._clock = clock
        self._session = session
        self._timers = TimerRunner(kept, app.commands, execute, clock)
        self.producers: dict[str, Producer] = {}
        self.relays: list[Relay] = []
        self.consumers: list[ConsumerRunner] = []
        self._by_name: dict[str, list[Work]] = {}
        self._on_store: list[str] = []
        if broker is None and (app.topics or app.consumers):
            raise DeclarationError(
                f"app {app.name!r} has topics or consumers, which need a broker: give its address, "
                "such as 'sqlite:///topics.db' or 'memory:'"
            )
        self._build(broker)

    def _build(self, broker: Broker | None) -> None:
        app, execute, clock = self._app, self._execute, self._clock
        for reaction in app.reactions:
            reactor = Reactor(reaction, self._kept, app.commands, execute, self._timers.wake)
            topics = sources(reaction, app.topics)
            if broker is None or not topics:
                self._on_store.append(reaction.name)
                runner = ReactionRunner(reactor, self._store, self._kept, app.events, clock)
                self._add(reaction.name, Work(f"reaction {reaction.name}", runner.run))
            else:
                for topic in topics:
                    self._consume(as_consumer(reactor, topic), broker)
        if app.reactions:
            self._add(TIMERS, Work(TIMERS, self._timers.run))
        if broker is not None:
            self.producers = {topic.name: Producer(broker, topic, clock=clock) for topic in app.topics}
            for each in app.consumers:
                self._consume(each, broker)
            for topic in app.topics:
                if topic.events:
                    source = f"urn:headwater:app:{app.name}"
                    relay = Relay(topic, app.events, self._store, broker, self._delivery, clock, source)
                    self.relays.append(relay)
                    self._add(topic.name, Work(f"relay {topic.name}", relay.run))

    def _consume(self, consumer: Consumer[Any], broker: Broker) -> None:
        runner = ConsumerRunner(
            consumer, broker, self._store, self._delivery, self._app.events, self._execute, self._clock, self._session
        )
        self.consumers.append(runner)
        self._add(consumer.name, Work(f"consumer {consumer.name}", runner.run))

    def _add(self, name: str, work: Work) -> None:
        self._by_name.setdefault(name, []).append(work)

    def check(self, wanted: Collection[str]) -> None:
        """Raises UnknownType for a name that nothing goes by."""
        for name in wanted:
            if name not in self._by_name and name != VIEWS:
                raise UnknownType("worker", name, (VIEWS, *self._by_name))

    async def prepare(self) -> None:
        """Make the topics and the consumers' tables that are not there."""
        if self._broker is not None:
            for topic in self._app.topics:
                await self._broker.create_topic(topic)
            for each in self._app.consumers:
                if each.tables:
                    await self._delivery.prepare(each.name, each.tables)

    def start(self, group: asyncio.TaskGroup, wanted: Collection[str] | None) -> list[asyncio.Task[None]]:
        """Start those that are wanted (None: all), but the views, which the Runtime has; and the producers."""
        tasks = [group.create_task(each.run(), name=f"producer {name}") for name, each in self.producers.items()]
        return tasks + [
            group.create_task(work.run(), name=work.label)
            for name, works in self._by_name.items()
            if wanted is None or name in wanted
            for work in works
        ]

    async def furthest_behind(self) -> tuple[str, Position] | None:
        """Of the reactions and relays that work on the store, the one that is furthest behind, and where it is."""
        places = [(name, await self._kept.checkpoint(name)) for name in self._on_store]
        if self.relays:
            relays = await self._delivery.relays()
            places += [(relay.topic.name, relays.get(relay.topic.name, 0)) for relay in self.relays]
        return min(places, key=lambda place: place[1], default=None)

    async def caught_up(self) -> bool:
        """Whether no timer is due, and every consumer has worked off its topic."""
        if await self._kept.due_timers(self._clock.now(), 1):
            return False
        if self._broker is None:
            return True
        for topic in {runner.consumer.topic for runner in self.consumers}:
            groups = {group.name: group.records for group in await self._broker.groups(topic)}
            wanted = [runner.consumer.name for runner in self.consumers if runner.consumer.topic == topic]
            if any(groups.get(name, 1) for name in wanted):
                return False
        return True
