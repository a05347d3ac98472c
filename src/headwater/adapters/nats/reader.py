"""The records of one partition from an offset on, as they come: brought by a consumer that the server forgets.

The consumer keeps no state that matters: nothing is acknowledged, and it is made anew, behind the last record that
came, whenever it or the connection is lost. It is asked for so many records, and for more as they are taken from here.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from nats.aio.msg import Msg
from nats.nuid import NUID

from headwater.adapters.nats import faults
from headwater.adapters.nats.connection import Connection, encode_json
from headwater.adapters.nats.topics import Topics
from headwater.adapters.nats.wire import DESCRIPTION, STATUS, decode, place_of
from headwater.errors import HeadwaterError, StoreUnavailable, UnknownType
from headwater.fold import Topic
from headwater.messages import Offset, Record

SECOND = 1_000_000_000  # the server's nanoseconds
BEAT = 1.0  # seconds: the consumer shows so often that it is there
SILENCE = 2.5  # seconds: one that does not is lost
ASKED_FOR = 30.0  # seconds that a request for records stands
UNUSED = 60.0  # seconds after which the server forgets a consumer that nobody asks
BEGINS = 0.25  # seconds within which the first record is here, if there is one
AGAIN = 0.2  # seconds before the next attempt
AHEAD = 1_000  # records that may lie here or be on their way


class Reader:
    """Reads on in the background, as far as AHEAD. `take` never waits."""

    def __init__(
        self, connection: Connection, topics: Topics, topic: Topic, partition: int, start: Offset,
        max_bytes: int, wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._connection = connection
        self._topics = topics
        self._topic = topic
        self._partition = partition
        self._stream = topics.names.stream(topic, partition)
        self._max_bytes = max_bytes
        self._wake = wake
        self._now = asyncio.get_running_loop().time
        self._records: deque[Record] = deque()
        self._next = max(start, 1)
        self._epoch = 0
        self._consumer = ""
        self._inbox = ""
        self._heard = 0  # of the inbox
        self._count = 0  # how many the consumer has brought
        self._owed = 0  # how many it was asked for and has not brought
        self._seen = 0.0  # when it was heard last
        self._not_before = 0.0  # when to try again after something went wrong
        self._broken = True
        self._making: asyncio.Task[None] | None = None
        self._begun = False
        self._bounded = True  # whether answers are bounded in bytes: the next record may be larger than that
        self._begins_by = self._now() + BEGINS
        self.error: BaseException | None = None

    def take(self, limit: int) -> list[Record]:
        """Up to so many of the next records that are here."""
        waiting = self._records
        if limit >= len(waiting):
            found = list(waiting)
            waiting.clear()
            return found
        return [waiting.popleft() for _ in range(limit)]

    @property
    def some(self) -> bool:
        """Whether there are records here."""
        return bool(self._records)

    @property
    def begun(self) -> bool:
        """Whether the first records are here, or there are none: until then, others should wait for their turn."""
        return self._begun or bool(self._records) or self._now() > self._begins_by

    def tend(self) -> None:
        """Ask for more, if there is room; make the consumer anew, if it is lost. Does its work in the background."""
        if self._making is not None:
            return
        now = self._now()
        if now < self._not_before:
            return
        if self._epoch != self._connection.epoch or (self._owed and now - self._seen > SILENCE):
            self._broken = True
        if self._broken or len(self._records) + self._owed <= AHEAD // 2:
            self._making = asyncio.create_task(self._go_on(), name=f"nats-reader {self._stream}")
            self._making.add_done_callback(self._made)

    def _made(self, task: "asyncio.Task[None]") -> None:
        self._making = None
        if not task.cancelled() and (error := task.exception()):
            self._broken = True
            self._not_before = self._now() + AGAIN
            self.error = error
        self._wake()

    async def _go_on(self) -> None:
        if self._broken:
            await self._make()
        await self._ask()
        self.error = None

    async def _make(self) -> None:
        await self._forget()
        self._epoch = self._connection.epoch
        self._consumer, self._inbox = NUID().next().decode(), self._connection.new_inbox()
        self._count = self._owed = 0
        config = {
            "name": self._consumer, "deliver_policy": "by_start_sequence", "opt_start_seq": self._next,
            "ack_policy": "none", "replay_policy": "instant", "inactive_threshold": round(UNUSED * SECOND),
            "mem_storage": True, "num_replicas": 1,
        }  # fmt: skip
        verb = f"CONSUMER.CREATE.{self._stream}.{self._consumer}"
        try:
            made = await self._connection.api(verb, {"stream_name": self._stream, "config": config, "action": "create"})
        except faults.Declined as error:
            if error.number != faults.STREAM_NOT_FOUND:
                raise StoreUnavailable(self._connection.shown, error.why) from error
            raise UnknownType("topic", self._topic.name) from error
        self._heard = await self._connection.subscribe(self._inbox, self._brought)
        self._begun = self._begun or not made.get("num_pending")
        self._broken = False

    async def _ask(self) -> None:
        wanted = AHEAD - len(self._records) - self._owed if self._bounded else 1
        body = {"batch": wanted, "expires": round(ASKED_FOR * SECOND), "idle_heartbeat": round(BEAT * SECOND)}
        if self._bounded:
            body["max_bytes"] = self._max_bytes
        self._bounded = True
        self._seen = self._now()
        self._owed += wanted
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        await self._connection.send(subject, encode_json(body), None, self._inbox)

    async def _brought(self, message: Msg) -> None:
        if not message.reply.startswith("$JS.ACK."):
            if message.headers:
                self._told(message.headers)
            return
        if self._broken:
            return
        offset, count, moment = place_of(message.reply)
        self._seen = self._now()
        if count != self._count + 1:
            self._broken = True  # some were lost on the way
            self._wake()
            return
        self._count = count
        self._owed -= 1
        self._next = offset + 1
        waiting = self._records
        waiting.append(decode(self._topic.name, self._partition, offset, moment, message))
        if len(waiting) == 1:
            self._wake()

    def _told(self, headers: dict[str, str]) -> None:
        """The server speaks of the consumer, or of a request."""
        self._seen = self._now()
        status, what = headers[STATUS], headers.get(DESCRIPTION, "")
        if status == "100":
            return
        if status == "408" or (status == "409" and ("MaxBytes" in what or "Batch" in what)) or status == "404":
            self._owed = max(self._owed - int(headers.get("Nats-Pending-Messages", self._owed)), 0)
            self._bounded = self._bounded and not ("MaxBytes" in what and not self._records)
        else:
            self._broken = True
        self._wake()

    async def _forget(self) -> None:
        await self._connection.unsubscribe(self._heard)
        self._heard = 0

    async def close(self) -> None:
        """Read no more."""
        if self._making is not None:
            self._making.cancel()
            with suppress(asyncio.CancelledError, HeadwaterError):
                await self._making
        await self._forget()
        if self._consumer:
            with suppress(HeadwaterError):
                await self._connection.send(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}")
