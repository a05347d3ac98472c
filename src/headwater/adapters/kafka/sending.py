"""Publishing: records go into librdkafka's queue in order, a thread of its own waits for what becomes of them.

Order per partition is kept by the idempotent producer, as long as nothing in its queue expires: the next record could
then get in before the one that is repeated. So nothing expires there. What is not confirmed in time is given up, with
all that waits with it, and a new producer takes over: whoever is told so publishes again, in order.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headwater.adapters.kafka.address import Address
from headwater.adapters.kafka.faults import error_of, meaning, translate
from headwater.adapters.kafka.threads import call_from_thread
from headwater.adapters.kafka.wire import Header
from headwater.errors import AcknowledgementLost, HeadwaterError, StoreUnavailable
from headwater.messages import Offset

POLL = 0.05  # seconds
GIVEN_UP = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._MSG_TIMED_OUT)


class Outgoing:
    """A record on its way: `partition`, `key`, `value`, `headers`, `time` (milliseconds, 0: now)."""

    __slots__ = ("_shipment", "headers", "key", "offset", "partition", "time", "value")

    def __init__(self, partition: int, key: bytes | None, value: bytes, headers: list[Header], time: int) -> None:
        self.partition, self.key, self.value, self.headers, self.time = partition, key, value, headers, time
        self.offset: Offset = -1
        self._shipment: Shipment

    def of(self, shipment: "Shipment") -> None:
        """Tell this shipment what becomes of it."""
        self._shipment = shipment

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """What became of it. Runs in the producer's thread."""
        self.offset = message.offset() or 0
        self._shipment.arrived(error)


class Shipment:
    """The records of one publish."""

    def __init__(self, topic: str, records: Sequence[Outgoing], done: asyncio.Future[None], until: float) -> None:
        self.topic = topic
        self.records = records
        self.done = done
        self.until = until
        self.produced = 0  # how many are in the producer's queue
        self.settled: Callable[[Shipment], None]
        self.errors: list[KafkaError] = []
        self._left = len(records)
        self._counting = threading.Lock()

    def arrived(self, error: KafkaError | None) -> None:
        """One of its records is confirmed, or not. Runs in the producer's thread."""
        if error is not None:
            self.errors.append(error)
        if self._less(1):
            self.settled(self)

    def skip(self) -> bool:
        """Expect nothing of those that were not produced; whether nothing is left to be expected."""
        return self._less(len(self.records) - self.produced)

    def _less(self, count: int) -> bool:
        with self._counting:
            self._left -= count
            return not self._left


class Sender:
    """Publishes through one producer at a time. Used on one event loop; it has one thread."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Shipment] = deque()  # not, or not all of them, in the producer's queue
        self._under_way: set[Shipment] = set()
        self._fresh: deque[Shipment] = deque()  # of which the thread has just learnt all
        self._line = _Line(address, self._wake)
        self._changing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def send(self, topic: str, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        """Publish records in order, after all that were sent before; done when all have their offsets.

        Raises StoreUnavailable, AcknowledgementLost, StoreRefused, UnknownType, BadInput (later).
        """
        shipment = Shipment(topic, records, self._loop.create_future(), self._loop.time() + self._address.patience)
        shipment.settled = self._fresh.append
        for record in records:
            record.of(shipment)
        self._waiting.append(shipment)
        self._under_way.add(shipment)
        self._fill()
        self._watch()
        return shipment.done

    def _fill(self) -> None:
        """Hand over to the producer as much as it takes."""
        while self._waiting and self._changing is None:
            shipment = self._waiting[0]
            try:
                self._line.produce(shipment)
            except BufferError:
                return
            except KafkaException as exception:
                error = error_of(exception)
                if error.fatal() or error.code() == KafkaError._FATAL:
                    self.renew()
                    return
                shipment.errors.append(error)
                if shipment.skip():
                    self._fresh.append(shipment)
                    self._loop.call_soon(self._settle)
            self._waiting.popleft()

    def _wake(self) -> None:
        """Runs in the producer's thread, after something may have arrived."""
        if self._fresh:
            call_from_thread(self._loop, self._settle)

    def _settle(self) -> None:
        while self._fresh:
            shipment = self._fresh.popleft()
            self._under_way.discard(shipment)
            if shipment.done.done():
                continue
            if shipment.errors:
                shipment.done.set_exception(self._verdict(shipment))
            else:
                shipment.done.set_result(None)
        if self._line.fatal:
            self.renew()
        self._fill()

    def _verdict(self, shipment: Shipment) -> HeadwaterError:
        """What to raise. What was in the producer's queue may have been sent: it does not say."""
        if not shipment.produced:
            return StoreUnavailable(self._address.shown, f"no room for it within {self._address.patience:g} s")
        worst = next((error for error in shipment.errors if error.code() not in GIVEN_UP), shipment.errors[0])
        meant = meaning(worst, self._address.shown, shipment.topic)
        if len(shipment.errors) >= shipment.produced and not isinstance(meant, StoreUnavailable):
            return meant
        return AcknowledgementLost(self._address.shown, f"not confirmed: {worst.str() or worst.name()}")

    # -- giving up

    def _watch(self) -> None:
        if self._timer is None and self._under_way and self._changing is None:
            until = min(shipment.until for shipment in self._under_way)
            self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        if any(shipment.until <= now for shipment in self._under_way):
            self.renew(give_up=True)
        self._watch()

    def renew(self, *, give_up: bool = False) -> None:
        """Go on with another producer, which knows nothing of what this one knows: once all is done that is under way,
        or given up."""
        if self._changing is None:
            self._changing = self._loop.create_task(self._renew(give_up), name="kafka-renew")

    async def _renew(self, give_up: bool) -> None:
        try:
            await self._line.close(0.0 if give_up else self._address.patience)
            self._drop_waiting()
            self._settle_all()
            self._line = _Line(self._address, self._wake)
        finally:
            self._changing = None
        self._fill()
        self._watch()

    def _drop_waiting(self) -> None:
        """Of a shipment of which some records failed, the others must not follow."""
        now = self._loop.time()
        for shipment in [each for each in self._waiting if each.errors or each.until <= now]:
            self._waiting.remove(shipment)
            shipment.errors.append(KafkaError(KafkaError._MSG_TIMED_OUT))
            if shipment.skip():
                self._fresh.append(shipment)

    def _settle_all(self) -> None:
        while self._fresh:
            self._settle()

    async def close(self) -> None:
        """Finish what was accepted, if that can be done in time, and end."""
        under_way = [shipment.done for shipment in self._under_way]
        if under_way:
            await asyncio.wait(under_way)
        if self._changing:
            await self._changing
        if self._timer:
            self._timer.cancel()
        await self._line.close(0.0)
        self._settle_all()


class _Line:
    """A producer and the thread that waits for it, as long as both live."""

    def __init__(self, address: Address, wake: Callable[[], None]) -> None:
        self.fatal = False
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._patience = 0.0
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._ending = threading.Event()
        try:
            self._producer = Producer({**address.producer(), "error_cb": self._heard})
        except KafkaException as error:
            raise translate(error, address.shown) from error
        threading.Thread(target=self._run, name="kafka-producer", daemon=True).start()

    def produce(self, shipment: Shipment) -> None:
        """Put a shipment's records into the queue, from where it was left. Raises BufferError when that is full,
        KafkaException."""
        produce, topic = self._producer.produce, shipment.topic
        for record in shipment.records[shipment.produced :]:
            produce(
                topic, record.value, record.key, record.partition, on_delivery=record,
                timestamp=record.time, headers=record.headers,
            )  # fmt: skip
            shipment.produced += 1

    async def close(self, patience: float) -> None:
        """End, after so many seconds at most in which all may still arrive. Then all has arrived, or failed."""
        self._patience = patience
        self._ending.set()
        await asyncio.shield(self._over)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._producer.poll(POLL)
            self._wake()
        if self._patience:
            self._producer.flush(self._patience)
        self._producer.purge()
        self._producer.flush(1.0)
        self._producer.close()
        call_from_thread(self._loop, self._end)

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _heard(self, error: KafkaError) -> None:
        """Runs in the thread."""
        self.fatal = self.fatal or error.fatal()
