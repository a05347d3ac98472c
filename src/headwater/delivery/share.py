"""A partition while a consumer has it, and a record on its way through."""

from collections import deque
from collections.abc import Iterable

from headwater.delivery.handler import Outcome
from headwater.delivery.port import Attempt, Claim, Letter
from headwater.flow.tracker import Tracker, decode_ranges, encode_ranges
from headwater.messages import Record
from headwater.streaming.port import MAX_DONE
from headwater.streaming.records import Assigned, Progress

ATTEMPTS_KEPT = 20


class Share:
    """What a consumer knows of a partition that it has: what is open, and which keys wait behind dead letters.

    `dropped`: it is to be handed over, and nothing new of it begins. `lost` is final: what still runs for it must have
    no effect any more.
    """

    def __init__(self, partition: int, assigned: Assigned, claim: Claim, blocked: Iterable[str]) -> None:
        self.partition = partition
        self.generation = assigned.generation
        self.claim = claim
        self.blocked = set(blocked)
        self.tracker = Tracker()
        self.tracker.restore(assigned.progress.next, decode_ranges(assigned.progress.done))
        self.open = 0  # records that are neither finished nor dropped
        self.running = 0
        self.paused = self.dropped = self.lost = False
        self.committed = assigned.progress

    @property
    def progress(self) -> Progress:
        """How far it is worked off."""
        return Progress(self.tracker.prefix, encode_ranges(self.tracker.sparse, MAX_DONE))


class Item:
    """A record on its way: the attempts that failed so far, what follows once its function has answered, and the
    letter that it is if it comes from the dead letters. `rest` says how long it is to wait before it is looked at."""

    __slots__ = ("attempts", "failed", "failures", "letter", "outcome", "record", "rest", "resting", "share")

    def __init__(self, record: Record, share: Share, letter: Letter | None = None) -> None:
        self.record = record
        self.share = share
        self.letter = letter
        self.attempts: deque[Attempt] = deque(letter.attempts if letter else (), maxlen=ATTEMPTS_KEPT)
        self.failures = 0
        self.outcome: Outcome | None = None
        self.resting: Letter | None = None
        self.rest = 0.0
        self.failed = False  # when it was fetched: it goes through its lane


def letter_of(item: Item, rested: int) -> Letter:
    """The letter that an item becomes."""
    record, came = item.record, item.letter
    return Letter(
        item.share.claim.consumer, record.topic, record.partition, record.offset, record.identity, record.key,
        record.value, record.headers, record.time, tuple(item.attempts), came.rested if came else rested,
        edited=came.edited if came else False,
    )  # fmt: skip


def record_of(letter: Letter) -> Record:
    """The record that a letter was."""
    return Record(
        letter.topic, letter.partition, letter.offset, letter.key, letter.value, letter.id, letter.headers, letter.time
    )
