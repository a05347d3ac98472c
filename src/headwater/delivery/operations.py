"""What operators do about dead letters: looking, redriving, snoozing, discarding. All of it is recorded as events."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NamedTuple

from headwater.clock import Clock, to_datetime, to_micros
from headwater.codec import EventCatalog, event
from headwater.delivery.port import Count, DeliveryStore, Letter, Letters, Wish
from headwater.errors import BadInput
from headwater.messages import Metadata, Offset, Write
from headwater.store.port import EventStore

WAVES = (1, 2, 5, 20)
RATE = 20.0  # letters in a second
LOOK_EVERY = 0.2
PATIENCE = 30.0  # seconds without any progress, after which redriving gives up
PAGE = 100

Place = tuple[str, str, int, Offset]


@event("headwater.letters_redriven")
class LettersRedriven:
    """An operator had these letters tried again; with `value` if it was given another one (the text, or its hex)."""

    consumer: str
    topic: str
    ids: tuple[str, ...]
    value: str = ""


@event("headwater.letters_snoozed")
class LettersSnoozed:
    """An operator had these letters tried again at a later time."""

    consumer: str
    topic: str
    ids: tuple[str, ...]
    until: datetime


@event("headwater.letters_discarded")
class LettersDiscarded:
    """An operator gave these letters up."""

    consumer: str
    topic: str
    ids: tuple[str, ...]
    reason: str


CATALOG = EventCatalog([LettersRedriven, LettersSnoozed, LettersDiscarded])


class Redrive(NamedTuple):
    """How far redriving has come: of `total` letters, so many `done`, and `failed` again, which ends it. `stalled`:
    nobody carried it out for a while, which ends it too; what was asked for stays asked for."""

    total: int
    done: int
    failed: Sequence[Letter] = ()
    stalled: bool = False


class DeadLetters:
    """The dead letters of all consumers on a store. What is asked for here, the consumer that has the letter's
    partition carries out, in order, the next time that it looks.

    `actor` is who asks, for the record: events of the stream `deadletters-<consumer>`, appended before the wish is set.
    """

    def __init__(self, store: EventStore, kept: DeliveryStore, clock: Clock) -> None:
        self._store = store
        self._kept = kept
        self._clock = clock

    async def counts(self) -> list[Count]:
        """How many rest, by consumer and topic."""
        return await self._kept.counts()

    async def find(self, which: Letters, *, after: Place | None = None, limit: int = PAGE) -> list[Letter]:
        """Letters in order of consumer, topic, partition and offset; `after` the place of the last one seen."""
        return await self._kept.letters(which, after=after, limit=limit)

    async def redrive(
        self, which: Letters, *, waves: Sequence[int] = WAVES, rate: float = RATE, value: bytes | None = None,
        patience: float = PATIENCE, actor: str = "",
    ) -> AsyncGenerator[Redrive, None]:  # fmt: skip
        """Have letters that failed tried again, in order: as many as the first of `waves`, then the second, and so on
        (the last for all that follow), at most `rate` a second. A wave begins when all of the one before it were
        settled; a letter that fails again ends it. Those that wait behind a letter follow it by themselves.

        With `value` the one letter that is meant is tried with that. Tells the progress after every wave. Raises
        BadInput when nothing matches, or several do and a value is given.
        """
        if not waves or min(waves) < 1 or rate <= 0:
            raise BadInput(f"waves {tuple(waves)} and rate {rate:g}: give whole numbers from 1, and a rate above 0")
        letters = [letter async for letter in self._all(which._replace(waiting=False))]
        self._check(letters, which, value)
        done = 0
        for number, wave in enumerate(_waves(letters, waves)):
            if number:
                await self._clock.sleep(len(wave) / rate)
            await self._ask(wave, Wish.REDRIVE, self._clock.now(), actor, value=value)
            left = await self._settled(wave, patience)
            failed = [letter for letter in left if letter.wish is Wish.NONE]
            done += len(wave) - len(left)
            yield Redrive(len(letters), done, failed, stalled=len(left) > len(failed))
            if left:
                return

    async def snooze(self, which: Letters, until: datetime, *, actor: str = "") -> int:
        """Have letters tried again at a later time; how many. Raises BadInput when nothing matches."""
        return await self._for_all(which, Wish.REDRIVE, to_micros(until), actor)

    async def discard(self, which: Letters, *, reason: str = "", actor: str = "") -> int:
        """Give letters up; those that wait behind them follow. How many. Raises BadInput when nothing matches."""
        return await self._for_all(which, Wish.DISCARD, self._clock.now(), actor, reason)

    async def _for_all(self, which: Letters, wish: Wish, due: int, actor: str, reason: str = "") -> int:
        letters = [letter async for letter in self._all(which)]
        self._check(letters, which, None)
        await self._ask(letters, wish, due, actor, reason=reason)
        return len(letters)

    async def _all(self, which: Letters) -> AsyncGenerator[Letter, None]:
        after: Place | None = None
        while page := await self._kept.letters(which, after=after, limit=PAGE):
            for letter in page:
                yield letter
            after = _place(page[-1])

    @staticmethod
    def _check(letters: Sequence[Letter], which: Letters, value: bytes | None) -> None:
        if not letters:
            raise BadInput(f"no dead letter matches {which}")
        if value is not None and len(letters) > 1:
            raise BadInput(f"{len(letters)} letters match; another value can be given to one only: name its id")

    async def _ask(
        self, letters: Sequence[Letter], wish: Wish, due: int, actor: str, *, value: bytes | None = None,
        reason: str = "",
    ) -> None:  # fmt: skip
        shares: dict[tuple[str, str], list[str]] = {}
        for letter in letters:
            shares.setdefault((letter.consumer, letter.topic), []).append(letter.id)
        for (consumer, topic), ids in shares.items():
            event = _event(consumer, topic, tuple(ids), wish, due > self._clock.now(), due, value, reason)
            new = CATALOG.encode(event, metadata=Metadata(actor=actor))
            await self._store.append(Write(f"deadletters-{consumer}", [new]))
            await self._kept.ask(Letters(consumer, topic, ids=ids), wish, due, value)

    async def _settled(self, wave: Sequence[Letter], patience: float) -> list[Letter]:
        """Wait until a wave is worked off; those of it that rest still."""
        since, count = self._clock.monotonic(), len(wave) + 1
        while True:
            left = await self._still(wave)
            waiting = [letter for letter in left if letter.wish is not Wish.NONE]
            if not waiting:
                return left
            if len(waiting) < count:
                since, count = self._clock.monotonic(), len(waiting)
            elif self._clock.monotonic() - since > patience:
                return left
            await self._clock.sleep(LOOK_EVERY)

    async def _still(self, wave: Sequence[Letter]) -> list[Letter]:
        found: list[Letter] = []
        for consumer, topic in dict.fromkeys((letter.consumer, letter.topic) for letter in wave):
            ids = [letter.id for letter in wave if (letter.consumer, letter.topic) == (consumer, topic)]
            for start in range(0, len(ids), PAGE):
                which = Letters(consumer, topic, ids=ids[start : start + PAGE])
                found += await self._kept.letters(which, limit=PAGE)
        return found


def _place(letter: Letter) -> Place:
    return letter.consumer, letter.topic, letter.partition, letter.offset


def _waves(letters: Sequence[Letter], sizes: Sequence[int]) -> list[Sequence[Letter]]:
    waves: list[Sequence[Letter]] = []
    start = 0
    while start < len(letters):
        size = sizes[min(len(waves), len(sizes) - 1)]
        waves.append(letters[start : start + size])
        start += size
    return waves


def _event(
    consumer: str, topic: str, ids: tuple[str, ...], wish: Wish, later: bool, due: int, value: bytes | None, reason: str
) -> object:
    if wish is Wish.DISCARD:
        return LettersDiscarded(consumer, topic, ids, reason)
    if later:
        return LettersSnoozed(consumer, topic, ids, to_datetime(due))
    return LettersRedriven(consumer, topic, ids, _text(value))


def _text(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
