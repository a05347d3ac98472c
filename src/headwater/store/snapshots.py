"""What is kept of folds, so that a long stream need not be folded from its beginning."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from headwater.messages import Position


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A decider's state of a stream up to its event `version`, which was recorded at `position` and at `time`
    (microseconds since 1970). `state` is UTF-8 JSON; `fold` is the version of the fold that it comes from."""

    stream: str
    decider: str
    fold: int
    version: int
    position: Position
    time: int
    state: bytes


class SnapshotStore(Protocol):
    """Snapshots beside the events that they are made of. All of it may be lost at any time, and is then made anew."""

    async def get(self, stream: str, decider: str, fold: int) -> Snapshot | None:
        """The last snapshot that was put for these, if the stream has the event that it goes up to: the same version,
        position and time. In a store that was restored, another event may have taken its place."""

    async def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot instead of the one before it, and of those of older folds. May be lost in a power cut."""

    async def drop(self, stream: str = "") -> int:
        """Remove the snapshots of a stream, or all; how many there were."""

    async def all(self, *, after: str = "", limit: int = 1000) -> Sequence[Snapshot]:
        """The snapshots of up to `limit` streams whose name comes after that one, by stream (by code points), decider
        and fold."""
