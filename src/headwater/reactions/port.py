"""What reactions keep: how far each has come, and the commands that wait for their time."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from headwater.messages import NO_METADATA, Metadata, Position


class Timer(msgspec.Struct, frozen=True):
    """A command (its name and UTF-8 JSON) to be executed with `id` at `due` (microseconds since 1970)."""

    key: str
    id: str
    due: int
    command: str
    data: bytes
    metadata: Metadata = NO_METADATA


class ReactionStore(Protocol):
    """Checkpoints and timers. Each call is atomic and durable."""

    async def checkpoint(self, name: str) -> Position:
        """How far a reaction has come; 0 at first."""

    async def checkpoints(self) -> dict[str, Position]:
        """All checkpoints by name."""

    async def move(self, name: str, position: Position) -> None:
        """Record that everything up to `position` is worked off. A checkpoint never moves backwards."""

    async def put_timer(self, timer: Timer) -> None:
        """Add a timer; one of the same key is replaced."""

    async def remove_timer(self, key: str, id: str = "") -> None:
        """Remove the timer of that key (if `id` is given: only if it is still that one)."""

    async def due_timers(self, now: int, limit: int = 100) -> Sequence[Timer]:
        """Timers whose time has come, earliest first."""

    async def next_due(self) -> int | None:
        """When the earliest timer is due; None without timers."""
