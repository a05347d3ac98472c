"""What delivery keeps, as a port: who works off what, what is done, and what rests in the dead letters."""

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from headwater.fold import Statement
from headwater.messages import NO_HEADERS, Offset, Position


class Claim(NamedTuple):
    """The right to work off one partition of a topic for a consumer. `epoch` grows with each claim, and whoever has an
    older one is fenced."""

    consumer: str
    topic: str
    partition: int
    epoch: int


class Settled(NamedTuple):
    """A record that is worked off: its identity, under which claim, and the statements to run for it."""

    claim: Claim
    id: str
    statements: Sequence[Statement] = ()


class Attempt(msgspec.Struct, frozen=True):
    """One attempt that failed: the error's type and text, when it began (microseconds since 1970), and for how many
    seconds it ran."""

    error: str
    message: str
    at: int
    seconds: float


class Wish(Enum):
    """What an operator has asked for a letter; the consumer that has its partition carries it out."""

    NONE = ""
    REDRIVE = "redrive"
    DISCARD = "discard"


class Letter(msgspec.Struct, frozen=True):
    """A record in the dead letters of a consumer: with the attempts that failed, or with none where it only waits
    behind an earlier one of its key. `rested` is when it came there; `wish` what is to become of it, not before `due`
    (both times in microseconds since 1970). An operator may have given it another `value` than was published."""

    consumer: str
    topic: str
    partition: int
    offset: Offset
    id: str
    key: str | None
    value: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=lambda: NO_HEADERS)
    time: int = 0
    attempts: Sequence[Attempt] = ()
    rested: int = 0
    wish: Wish = Wish.NONE
    due: int = 0
    edited: bool = False

    @property
    def waits(self) -> bool:
        """Whether it never failed itself: it waits behind another letter of its key."""
        return not self.attempts


class Letters(NamedTuple):
    """Which letters are meant: those of a consumer, of a topic, of a key, with an id, whose last error's type or text
    contains `error`; those that failed themselves only, unless `waiting` too. What is left empty does not count."""

    consumer: str = ""
    topic: str = ""
    key: str | None = None
    ids: Sequence[str] = ()
    error: str = ""
    waiting: bool = True


class Count(NamedTuple):
    """How many letters of a consumer rest: failed ones, those that wait behind them, and since when the oldest does
    (microseconds since 1970)."""

    consumer: str
    topic: str
    failed: int
    waiting: int
    oldest: int


class DeliveryStore(Protocol):
    """Claims, inbox, dead letters and relays. Each call is one transaction, durable when it returns.

    Calls under a claim raise Fenced, with nothing written, when the partition was claimed by another since.
    A record is settled or rests, never both. Every call may be made again when it is not known whether it was done.
    Raises BadInput for texts that are no UTF-8, StoreError.
    """

    async def claim(self, consumer: str, topic: str, partition: int) -> Claim:
        """Take a partition over: its epoch rises, so that whoever had it is fenced."""

    async def settled(self, consumer: str, topic: str, ids: Collection[str]) -> set[str]:
        """Which of these records need no more work: they are settled, or rest in the dead letters."""

    async def settle(self, settled: Sequence[Settled], tables: Mapping[str, str]) -> list[bool]:
        """Note records as settled and run their statements, in order, all or none; for each, whether it was done now:
        one that was settled before, or rests, is left alone, as is a second one of the same id. (Where the connection
        was lost and the store has tried again, "before" may have been the first try.)

        `tables` are the names of the tables for `{table}` in statements, as `prepare` returned them. Raises
        DeclarationError when a statement cannot be run.
        """

    async def forget(self, consumer: str, topic: str, before: int, *, limit: int = 10_000) -> int:
        """Forget what was settled before that time (microseconds since 1970), oldest first; how many were. Whatever
        comes again after that is worked off again."""

    async def prepare(self, consumer: str, tables: Mapping[str, str]) -> Mapping[str, str]:
        """Make a consumer's tables (name to column definitions) where they are not there, and return under which
        names statements reach them. Queries see them under their plain names. Raises DeclarationError when one is
        there with other columns."""

    # -- dead letters

    async def blocked(self, consumer: str, topic: str, partition: int) -> set[str]:
        """The keys that have letters in that partition."""

    async def rest(self, claim: Claim, letter: Letter, taken: Letter | None = None) -> bool:
        """Put a letter in; one of the same id is replaced (its key and its place in the order stay; and wish, due,
        value and edited too, where they are not as `taken` has them: an operator has asked for something else since
        it was). Whether it rests now: a record that is settled is left alone."""

    async def due(self, claims: Sequence[Claim], now: int, *, limit: int = 100) -> list[Letter]:
        """Letters of those of these claims that hold still, with a wish whose time has come, and which are the first
        of their key in their partition; in order. Every letter without a key is a first one."""

    async def redriven(
        self, claim: Claim, id: str, statements: Sequence[Statement], tables: Mapping[str, str], *, behind: bool
    ) -> bool:
        """Settle a letter: take it out, note its record as settled, and run the statements. With `behind`, the next
        one of its key, if it waits and nothing else is asked for it, is to be redriven now. Whether that key has more
        letters. One that is not there was settled before: nothing is done. Raises DeclarationError when a statement
        cannot be run."""

    # -- for operators

    async def letters(
        self, which: Letters, *, after: tuple[str, str, int, Offset] | None = None, limit: int = 100
    ) -> list[Letter]:
        """Letters in order of consumer, topic, partition and offset; `after` is that of the last one seen. Those of one
        place (there are such if a topic was made anew) come together, even beyond `limit`."""

    async def counts(self) -> list[Count]:
        """How many letters rest, by consumer and topic."""

    async def ask(self, which: Letters, wish: Wish, due: int, value: bytes | None = None) -> int:
        """Set what is to become of these letters, not before `due`, perhaps with another value; how many they are."""

    # -- relays

    async def take_relay(self, name: str) -> tuple[int, Position]:
        """Take a relay over: its new epoch, and the position up to which everything is published."""

    async def move_relay(self, name: str, epoch: int, position: Position) -> None:
        """Record that everything up to `position` is published; it never goes back. Raises Fenced if another took over
        since."""

    async def relays(self) -> dict[str, Position]:
        """How far every relay has come."""
