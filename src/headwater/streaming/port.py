"""The broker as a port: what every adapter promises. `headwater.testing.streaming` holds the suite that checks it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from types import TracebackType
from typing import Protocol, Self

from headwater.errors import BadInput, InvalidName, RecordTooLarge
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record
from headwater.streaming.records import Assigned, Confirmed, Group, Progress

MAX_DONE = 2_000  # characters of Progress.done
MAX_KEY_CHARS = 255
MAX_ID_CHARS = 255
MAX_HEADERS_CHARS = 8_192
MAX_BATCH = 10_000  # records of one publish

SESSION = 10.0  # seconds: a member that gives no sign of life for so long loses its partitions
DRAIN = 5.0  # seconds that a member has to hand over a partition which another one is to have


_ID, _HEADERS = attrgetter("id"), attrgetter("headers")


@dataclass(frozen=True)
class BrokerCapabilities:
    """How an adapter differs from others: declared, so that nobody asks which adapter it is."""

    durable: bool
    """A confirmed record survives kill -9 of the broker."""
    shared: bool
    """Several processes may use the broker at once."""
    deduplicates: float
    """For so many seconds a record with key and id of one that was published before is not published again; 0: never
    noticed. An id under another key may or may not be known."""
    fences: bool
    """A commit by a member that has lost the partition is refused, always; otherwise only where it is noticed."""
    pauses: bool
    """A whole group can be paused from outside, and stays so."""
    retains: bool
    """Old records are removed by the topic's max_age and max_bytes, and no others."""
    atomic: bool
    """The records of one publish for one partition are all published, or none."""


class Member(Protocol):
    """One consumer's part in a group: it has some of the topic's partitions, and nobody else in the group has those.

    Used by one task at a time. Shows life by itself in the background, however slow its user is.
    """

    @property
    def name(self) -> str:
        """Its name, unlike that of any other member ever."""

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        """The partitions that it has now. Changes while `fetch` runs only (`fetch` then returns at once), by `release`
        and by `leave`."""

    @property
    def leaving(self) -> Collection[int]:
        """Those of them that it is asked to hand over: `fetch` brings no more of their records. Commit what gets
        done, then `release`; after DRAIN seconds they are taken away anyway."""

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        """Up to `limit` of the next records, in order within each partition: each once while the partition stays
        assigned, starting at the group's progress (with what its `done` tells, which brokers do not read). Waits for
        the first at most `timeout` seconds; returns early with none when `assigned` or `leaving` has changed. A paused
        group brings none.

        Raises StoreUnavailable when the broker is gone: call it again then, and it goes on where it was, or with
        another assignment. Raises StoreClosed, also when the member has left.
        """

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        """Record how far partitions are worked off, durably. What is not assigned to this member any more is left out
        without an error. Progress never goes backwards."""

    def pause(self, partition: int) -> None:
        """Have `fetch` leave a partition out until `resume`; of no consequence to others. Ends with the assignment."""

    def resume(self, partition: int) -> None:
        """Undo `pause`."""

    async def release(self, partitions: Collection[int]) -> None:
        """Hand over partitions at once. Those that are not assigned are no error."""

    async def leave(self) -> None:
        """Hand over everything at once and be a member no more. Twice is no error."""


class Broker(Protocol):
    """Topics of records, in partitions, each in one order.

    Safe for any number of concurrent tasks of one event loop. Every call raises StoreUnavailable when the broker
    cannot be reached or does not answer in time, StoreRefused, StoreClosed; UnknownType for a topic that is not there.
    """

    @property
    def address(self) -> str:
        """Where the broker is, for messages: without a password."""

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What it can do that others may not."""

    async def create_topic(self, topic: Topic) -> None:
        """Make a topic; bring the limits of one that is there up to date. Raises Conflict if that one has another
        number of partitions, InvalidName."""

    async def topics(self) -> list[Topic]:
        """All topics by name, as they are now: their partitions and limits (not their `events`, nor `backlog`)."""

    async def remove_topic(self, name: str) -> None:
        """Remove a topic, its records and its groups. One that is not there is no error."""

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        """Publish records and return, in the same order, where they lie, once the broker has them for good.

        Those of one key are published in the order given, after all that this broker object published before.
        Raises RecordTooLarge, BadInput, with nothing published; AcknowledgementLost when it is not known which were:
        publish all of them again, in the same order, with the same ids.
        """

    async def read(self, topic: str, partition: int, *, start: Offset = 0, limit: int = 100) -> list[Record]:
        """Records from an offset on (or from the first that is still there), as members see them, without being one.
        Raises BadInput for a partition that the topic does not have."""

    async def ends(self, topic: str) -> dict[int, tuple[Offset, Offset]]:
        """For each partition the first offset that is still there and the next to be published. Where they are equal
        it is empty."""

    async def join(self, topic: str, group: str, *, session: float = SESSION, drain: float = DRAIN) -> Member:
        """Become a member of a group, which begins with the first record that is there. Partitions are shared out
        evenly, and anew when members come and go; the first `fetch` may already have some. Raises InvalidName."""

    async def groups(self, topic: str) -> list[Group]:
        """All groups of a topic that ever had a member, by name, and how far behind they are."""

    async def pause(self, topic: str, group: str) -> None:
        """Stop deliveries to a group, wherever its members are, until `resume`. Raises Unsupported, UnknownType for a
        group that never had a member."""

    async def resume(self, topic: str, group: str) -> None:
        """Undo `pause`."""

    async def close(self) -> None:
        """Finish what was accepted, leave all groups, and close. Twice is no error."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_records(topic: Topic, records: Sequence[NewRecord]) -> None:
    """Raises BadInput unless all these records may be published."""
    if len(records) > MAX_BATCH:
        raise BadInput(f"{len(records)} records at once are too many for one publish; the limit is {MAX_BATCH}")
    limit = topic.max_record_bytes
    if _plainly_fine(records, limit):
        return
    for record in records:
        if len(record.value) > limit:
            raise RecordTooLarge(topic.name, len(record.value), limit)
        key = record.key
        if key is not None and (len(key) > MAX_KEY_CHARS or (not key.isascii() and _unspeakable(key)) or "\0" in key):
            raise InvalidName("key", key, f"at most {MAX_KEY_CHARS} characters, no null among them")
        if record.id:
            check_id(record.id)
        if record.headers:
            check_headers(record.headers)


def _plainly_fine(records: Sequence[NewRecord], limit: int) -> bool:
    """Whether a look at all of them together, which is much quicker, finds nothing to look at one by one."""
    if any(map(_ID, records)) or any(map(_HEADERS, records)):
        return False
    keys = [record.key for record in records if record.key is not None]
    names = "".join(keys)
    return (
        max([len(record.value) for record in records], default=0) <= limit
        and max(map(len, keys), default=0) <= MAX_KEY_CHARS
        and names.isascii()
        and "\0" not in names
    )


def check_id(id: str) -> None:
    """Raises InvalidName unless `id` may identify a record."""
    if len(id) > MAX_ID_CHARS or not id.isprintable() or not id.isascii() or " " in id:
        raise InvalidName("record id", id, f"at most {MAX_ID_CHARS} printable ASCII characters without spaces")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises BadInput unless these may be a record's headers."""
    size = 0
    for name, text in headers.items():
        if not _plain(name):
            raise InvalidName("header name", name, "lower-case ASCII letters, digits, '-' and '_'")
        if not isinstance(text, str) or "\0" in text or (not text.isascii() and _unspeakable(text)):
            raise BadInput(f"header {name!r} must be a text without nulls")
        size += len(name) + len(text)
    if size > MAX_HEADERS_CHARS:
        raise BadInput(f"the headers of one record have {size} characters; the limit is {MAX_HEADERS_CHARS}")


@lru_cache(1_024)  # names of headers are few
def _plain(name: str) -> bool:
    return name.isascii() and name == name.lower() and name.replace("-", "").replace("_", "").isalnum()


def _unspeakable(text: str) -> bool:
    """Whether there is half a character in it (a lone surrogate), which no encoding can say."""
    return any("\ud800" <= each <= "\udfff" for each in text)


def check_group(name: str) -> None:
    """Raises InvalidName unless `name` may name a group."""
    if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii() or len(name) > 63:
        raise InvalidName("group name", name, "letters, digits, '_' and '-', at most 63")
