"""Writing to customers as a port, and a double of it."""

from datetime import datetime
from typing import Protocol

import msgspec

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.domain.notification import Occasion


class NotifierDown(Exception):
    """The letter may have gone out, or not. Send it again, with the same id."""


class Letter(msgspec.Struct, frozen=True):
    """A letter to the customer of an order; whoever delivers it knows where they are to be reached."""

    order_id: str
    occasion: Occasion
    subject: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.order_id}/{self.occasion}"


class Notifier(Protocol):
    """Delivers letters. Idempotent by the letter's id: sent again, it goes out once."""

    async def send(self, letter: Letter) -> datetime:
        """Send it; when it went out. Raises NotifierDown."""


class NotifierDouble:
    """A Notifier that only remembers. While `down` it raises NotifierDown; `letters` are those that went out."""

    def __init__(self, *, down: bool = False, clock: Clock | None = None) -> None:
        self.down = down
        self.calls = 0
        self._clock = clock or SystemClock()
        self._sent: dict[str, tuple[Letter, datetime]] = {}

    @property
    def letters(self) -> tuple[Letter, ...]:
        """What went out, in order."""
        return tuple(letter for letter, _ in self._sent.values())

    async def send(self, letter: Letter) -> datetime:
        self.calls += 1
        if self.down:
            raise NotifierDown("the post does not answer")
        return self._sent.setdefault(letter.id, (letter, to_datetime(self._clock.now())))[1]
