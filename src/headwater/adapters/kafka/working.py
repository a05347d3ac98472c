"""A member's thread: it is in the group, reads, and commits. All that blocks is done here.

It has two clients. One is the member: it learns which partitions it has, commits, and never reads. The other reads what
it is told to, whatever the group is at: while a partition is being handed over, which holds up the first one, the
records of the others go on coming.

A partition counts as taken once the thread has read how far the group had come, and has committed that under a
generation of its own: what comes of earlier owners after that is refused by the group, which knows its members.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headwater.adapters.kafka.address import Settings
from headwater.adapters.kafka.asking import learn
from headwater.adapters.kafka.faults import OUSTED, error_of, meaning
from headwater.adapters.kafka.holding import Mark, Share, Standing, assigned, mark
from headwater.adapters.kafka.threads import call_from_thread
from headwater.adapters.kafka.wire import decode
from headwater.clock import Clock
from headwater.errors import HeadwaterError, StoreUnavailable
from headwater.messages import Record
from headwater.streaming.records import Assigned, Progress

TICK = 0.02  # seconds: how long it waits for records before it looks at what else there is to do
AT_ONCE = 500  # records
ASK = 2.0  # seconds for a question to the group
PROBE = 0.5  # seconds for a question whether anybody is there
RETRY = 0.1  # seconds before it is tried again to take a partition, or to reach a broker that is away

Commit = tuple[dict[int, tuple[int, Progress]], "asyncio.Future[None]", float]
"""Progress by partition with the generation under which it is held; who waits for it; until when."""


class Worker:
    """The thread of a member. `told` is called on the loop after anything has changed or come."""

    def __init__(
        self, seat: Settings, reader: Settings, topic: str, name: str, session: float, drain: float, store: str,
        clock: Clock, told: Callable[[], None],
    ) -> None:  # fmt: skip
        self.standing = Standing({}, frozenset())
        """What the member has: replaced by the thread as a whole, never changed."""
        self.fault: HeadwaterError | None = None
        """Why nothing comes, if anything is wrong."""
        self.beaten = clock.monotonic()
        """When the loop last showed that it runs. If it hangs, the member is not there for anybody."""
        self._topic, self._name, self._session, self._drain, self._store = topic, name, session, drain, store
        self._clock, self._told, self._loop = clock, told, asyncio.get_running_loop()
        self._jobs: deque[Callable[[], None]] = deque()
        self._commits: deque[Commit] = deque()
        self._held: dict[int, Share] = {}
        self._leaving: set[int] = set()
        self._read_from: set[int] = set()
        self._fresh: set[int] = set()  # assigned to this member, and not taken yet
        self._generations: dict[int, int] = {}
        self._again = 0.0  # when it may be tried again what failed
        self._leave = self._away = self._begins = False
        self.over: asyncio.Future[None] = self._loop.create_future()
        heard = {"error_cb": self._heard}
        self._seat = Consumer({**seat, **heard})
        self._reader = Consumer({**reader, **heard})
        self._thread = threading.Thread(target=self._run, name=f"kafka-member-{name}", daemon=True)

    # -- called on the loop

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def commit(self, progress: dict[int, tuple[int, Progress]], patience: float) -> "asyncio.Future[None]":
        """Record progress of partitions that are held under these generations."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.append(lambda: self._commits.append((progress, done, self._clock.monotonic() + patience)))
        return done

    def release(self, generations: Mapping[int, int]) -> None:
        """Hand over partitions that are held under these generations."""
        self._jobs.append(lambda: self._release(generations))

    def leave(self) -> "asyncio.Future[None]":
        """Hand over everything, and end."""
        self._leave = True
        return self.over

    # -- the thread

    def _run(self) -> None:
        try:
            self._subscribe()
            while not self._leave:
                self._look_after_group()
                self._turn()
            self._part()
        finally:
            call_from_thread(self._loop, self._ended)

    def _ended(self) -> None:
        if not self._leave:
            self.fault = StoreUnavailable(self._store, "the thread of this member has died; see its traceback")
            self._told()
        if not self.over.done():
            self.over.set_result(None)

    def _subscribe(self) -> None:
        self._seat.subscribe([self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def _turn(self) -> None:
        """Do what there is to do, and read for a moment. Also while the group waits for a partition."""
        while self._jobs:
            self._jobs.popleft()()
        self._probe()
        self._take_fresh()
        self._do_commits()
        self._throttle()
        self._read()

    def _tell(self) -> None:
        self.standing = Standing(dict(self._held), frozenset(self._leaving))
        call_from_thread(self._loop, self._told)

    # -- the group

    def _look_after_group(self) -> None:
        hangs = self._clock.monotonic() - self.beaten > self._session
        if hangs and not self._away:
            self._away = True
            self._drop(list(self._held))
            self._fresh.clear()
            self._seat.unsubscribe()
        elif self._away and not hangs:
            self._away = False
            self._subscribe()
        message = self._seat.poll(0)
        if message is not None and (error := message.error()):
            self._heard(error)

    def _on_assign(self, seat: Consumer, places: Sequence[TopicPartition]) -> None:
        seat.incremental_assign([])  # nothing is to be read here
        self._fresh |= {place.partition for place in places}

    def _on_revoke(self, seat: Consumer, places: Sequence[TopicPartition]) -> None:
        partitions = {place.partition for place in places}
        self._fresh -= partitions
        asked = partitions & self._held.keys()
        if asked and not self._leave and not self._away:
            self._hand_over(asked)
        self._drop(asked & self._held.keys())
        seat.incremental_unassign([])

    def _hand_over(self, partitions: set[int]) -> None:
        """Let the user finish what was begun, until all are released or the time is over."""
        until = self._clock.monotonic() + self._drain
        self._leaving |= partitions
        self._stop_reading(partitions)
        self._tell()
        while partitions & self._held.keys() and not self._leave:
            now = self._clock.monotonic()
            if now > until or now - self.beaten > self._session:
                return
            self._turn()

    def _on_lost(self, seat: Consumer, places: Sequence[TopicPartition]) -> None:
        partitions = {place.partition for place in places}
        self._fresh -= partitions
        self._drop(partitions & self._held.keys())
        seat.incremental_unassign([])

    def _places(self, partitions: Collection[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def _drop(self, partitions: Collection[int]) -> None:
        """Have these partitions no more."""
        if not partitions:
            return
        self._stop_reading(partitions)
        self._leaving.difference_update(partitions)
        for partition in partitions:
            del self._held[partition]
        self._tell()

    # -- taking, releasing

    def _probe(self) -> None:
        """See whether brokers that were away are back: where there is nothing to read, nothing else would tell."""
        if not isinstance(self.fault, StoreUnavailable) or self._clock.monotonic() < self._again:
            return
        try:
            learn(self._reader, self._topic, PROBE)
            self.fault = None
        except KafkaException:
            self._again = self._clock.monotonic() + RETRY

    def _take_fresh(self) -> None:
        if not self._fresh or self._clock.monotonic() < self._again:
            return
        taken = self._fresh.copy()
        try:
            learn(self._reader, self._topic, ASK)
            said = self._seat.committed(self._places(taken), timeout=ASK)
            shares = {each.partition: Share(self._begin(each)) for each in said}
            self._write({p: (share.reached, self._name) for p, share in shares.items()}, shares)
        except KafkaException as exception:
            self._again = self._clock.monotonic() + RETRY
            self._heard(error_of(exception))
            return
        self._fresh -= taken
        self._held |= shares
        self._begins = True
        self._generations |= {p: share.assigned.generation for p, share in shares.items()}
        self.fault = None
        self._start_reading(shares)
        self._tell()

    def _begin(self, place: TopicPartition) -> Assigned:
        if place.error:
            raise KafkaException(place.error)
        begun = assigned(place.offset, mark(place.metadata))
        return begun._replace(generation=max(begun.generation, self._generations.get(place.partition, 0) + 1))

    def _release(self, generations: Mapping[int, int]) -> None:
        mine = [p for p, n in generations.items() if p in self._held and self._held[p].assigned.generation == n]
        self._give_up(mine)
        stay = set(mine) - self._leaving
        self._drop(mine)
        self._fresh |= stay  # nobody asked for them, so the group has them here: they begin anew

    def _give_up(self, partitions: Collection[int]) -> None:
        """Say that nobody has these partitions. What nobody hears, the next owner says."""
        try:
            if partitions:
                self._write({p: (self._held[p].reached, "") for p in partitions}, self._held)
        except KafkaException:
            return

    def _part(self) -> None:
        """Leave, once what was asked for is done, or has failed."""
        while self._jobs:
            self._jobs.popleft()()
        self._do_commits()
        self._give_up(list(self._held))
        self._drop(list(self._held))
        for done in [commit[1] for commit in self._commits]:
            call_from_thread(self._loop, _settle, done, None)
        self._seat.close()
        self._reader.close()

    # -- committing

    def _do_commits(self) -> None:
        while self._commits:
            progress, done, until = self._commits[0]
            try:
                self._commit(progress)
                outcome = None
            except KafkaException as exception:
                error = error_of(exception)
                if self._clock.monotonic() < until and (error.code() in OUSTED or error.retriable()):
                    return  # until it is clear whether this member still has them
                outcome = meaning(error, self._store, self._topic)
            self._commits.popleft()
            call_from_thread(self._loop, _settle, done, outcome)

    def _commit(self, progress: Mapping[int, tuple[int, Progress]]) -> None:
        mine = {
            p: (reached, self._name) for p, (generation, reached) in progress.items()
            if (share := self._held.get(p)) and share.assigned.generation == generation
            and reached.next >= share.reached.next
        }  # fmt: skip
        if mine:
            self._write(mine, self._held)
            for partition, (reached, _) in mine.items():
                self._held[partition].reached = reached
            self.fault = None

    def _write(self, progress: Mapping[int, tuple[Progress, str]], shares: Mapping[int, Share]) -> None:
        """Commit, with who has each partition. Raises KafkaException."""
        offsets = [
            TopicPartition(
                self._topic, p, reached.next,
                metadata=Mark(shares[p].assigned.generation, member, reached.done).text(),
            )
            for p, (reached, member) in progress.items()
        ]  # fmt: skip
        for place in self._seat.commit(offsets=offsets, asynchronous=False):
            if place.error:
                raise KafkaException(place.error)

    # -- reading

    def _throttle(self) -> None:
        """Read no more of a partition while enough of it waits. (The client has a pause for that. After it, it sleeps
        for up to a second.)"""
        self._stop_reading([p for p in self._read_from if self._held[p].full])
        idle = self._held.keys() - self._leaving - self._read_from
        self._start_reading([p for p in idle if self._held[p].low])

    def _start_reading(self, partitions: Collection[int]) -> None:
        if partitions:
            self._reader.incremental_assign([
                TopicPartition(self._topic, p, self._held[p].next) for p in partitions
            ])  # fmt: skip
            self._read_from.update(partitions)

    def _stop_reading(self, partitions: Collection[int]) -> None:
        if stop := self._read_from.intersection(partitions):
            self._reader.incremental_unassign(self._places(stop))
            self._read_from -= stop

    def _read(self) -> None:
        first = self._reader.poll(TICK)
        if first is None:
            return
        found: dict[int, list[Record]] = {}
        # Who begins waits a little for all partitions to come: the first one would have its user to itself otherwise.
        wait, self._begins = TICK if self._begins else 0.0, False
        for message in (first, *self._reader.consume(AT_ONCE - 1, wait)):
            if error := message.error():
                self._heard(error)
            else:
                record = decode(message)
                found.setdefault(record.partition, []).append(record)
        for partition, records in found.items():
            if partition in self._read_from and (new := [r for r in records if r.offset >= self._held[partition].next]):
                self._held[partition].put(new)
        if found:
            self.fault = None
            call_from_thread(self._loop, self._told)

    def _heard(self, error: KafkaError) -> None:
        """Something is wrong, if only for the moment."""
        if error.code() in OUSTED or error.code() == KafkaError._MAX_POLL_EXCEEDED:
            return
        meant = meaning(error, self._store, self._topic)
        if isinstance(meant, StoreUnavailable) and error.code() != KafkaError._ALL_BROKERS_DOWN:
            return  # one broker is away, or something took too long: the client goes on by itself
        self.fault = meant
        call_from_thread(self._loop, self._told)


def _settle(done: "asyncio.Future[None]", outcome: HeadwaterError | None) -> None:
    if done.done():
        return
    if outcome is None:
        done.set_result(None)
    else:
        done.set_exception(outcome)
