"""From the store to a topic (the outbox): what was recorded is published, in order, and nothing twice or never."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from headwater.clock import Clock
from headwater.codec import EventCatalog, type_names
from headwater.delivery.mapping import to_record
from headwater.delivery.port import DeliveryStore
from headwater.errors import Fenced, StoreClosed
from headwater.fold import Topic
from headwater.keys.fetching import with_keys
from headwater.messages import Envelope, Position, query
from headwater.store.outage import Outage
from headwater.store.port import EventStore
from headwater.streaming.port import Broker

log = logging.getLogger(__name__)

PAGE = 500
PART_BYTES = 1024 * 1024  # of events after which progress is noted, so that whoever stands by sees some
TAKE_OVER = 5.0  # seconds without progress after which one that stands by takes over
LOOK_EVERY = 1.0


class Relay:
    """Publishes a topic's events from where it stopped last time, each after all that were recorded before it, and as
    what they are today: older versions are upcast. Personal data stays sealed.

    A page counts as done once the broker has confirmed it. What was published and not noted (after a crash, a lost
    answer) is published again, with the same ids: brokers and inboxes drop the repetition. It can never come in the
    place of something new, since whoever relays begins at a noted position and leaves nothing out.

    Of several relays of one topic the last one to come takes over; the others are fenced at their next note and stand
    by, until the one at work makes no progress for TAKE_OVER seconds while there is something to publish.
    """

    def __init__(
        self, topic: Topic, events: EventCatalog, store: EventStore, broker: Broker, kept: DeliveryStore, clock: Clock,
        source: str,
    ) -> None:  # fmt: skip
        self.topic = topic
        self._store = store
        self._broker = broker
        self._kept = kept
        self._clock = clock
        self._events = events
        self._query = query(*events.sources(topic.events))
        self._types = frozenset(type_names(topic.events))
        self._source = source
        self._outage = Outage(f"relay {topic.name}")
        self.active = False

    async def run(self) -> None:
        """Work until cancelled. While the store or the broker cannot, wait; then go on."""
        try:
            while True:
                try:
                    await self._relay()
                except Fenced:
                    log.info("relay %s: another one took over; standing by", self.topic.name)
                    self.active = False
                    await self._stand_by()
        except StoreClosed:
            return

    async def _relay(self) -> None:
        epoch, position = await self._outage.outlive(lambda: self._kept.take_relay(self.topic.name))
        self.active = True
        while True:
            position = await self._step(epoch, position)

    async def _step(self, epoch: int, position: Position) -> Position:
        """Publish a page, or wait for one; the position reached. Raises Fenced."""
        page = await self._outage.outlive(lambda: self._store.read(self._query, after=position, limit=PAGE))
        if page.position <= position:
            await self._outage.outlive(lambda: self._store.wait(position, timeout=60))
            return position
        for part in _parts(page.events):
            await self._outage.outlive(lambda p=part: self._publish(p))  # type: ignore[misc]
            reached = part[-1].position
            await self._outage.outlive(lambda r=reached: self._kept.move_relay(self.topic.name, epoch, r))  # type: ignore[misc]
        await self._outage.outlive(lambda: self._kept.move_relay(self.topic.name, epoch, page.position))
        return page.position

    async def _publish(self, events: Sequence[Envelope]) -> None:
        today = [each for event in events for each in await with_keys(partial(self._events.envelopes, event))]
        told = self.topic.told or _as_it_is
        records = [to_record(told(each), self._source) for each in today if each.type in self._types]
        if records:
            await self._broker.publish(self.topic.name, records)

    async def _stand_by(self) -> None:
        """Until whoever is at work seems not to be."""
        seen, since = await self._position(), self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_EVERY)
            position, now = await self._position(), self._clock.monotonic()
            if position != seen:
                seen, since = position, now
            elif now - since >= TAKE_OVER:
                if await self._waiting(position):
                    return
                since = now

    async def _position(self) -> Position:
        relays = await self._outage.outlive(self._kept.relays)
        return relays.get(self.topic.name, 0)

    async def _waiting(self, position: Position) -> bool:
        """Whether there is anything to publish."""
        page = await self._outage.outlive(lambda: self._store.read(self._query, after=position, limit=1))
        return page.position > position


def _as_it_is(event: Envelope) -> Envelope:
    return event


def _parts(events: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """Events in parts of about PART_BYTES."""
    start = size = 0
    for number, event in enumerate(events, 1):
        size += len(event.data)
        if size >= PART_BYTES or number == len(events):
            yield events[start:number]
            start, size = number, 0
