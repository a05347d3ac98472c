"""Snapshots: found before a command, and taken behind it, by a task that holds nobody up."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from headwater.commands.folding import Folding, Loaded, Start
from headwater.errors import DeclarationError, Overloaded, StoreCorrupt, StoreError, StoreReadOnly, StoreRefused
from headwater.fold import Decider
from headwater.store.snapshots import Snapshot, SnapshotStore

S = TypeVar("S")

MAX_WAITING = 1_000
"""Streams of which a snapshot is to be taken; more are passed over, and come again with their next commands."""

log = logging.getLogger(__name__)


class StateCodec:
    """A decider's states as JSON, by the type that its evolve returns."""

    def __init__(self, decider: Decider[Any, Any, Any]) -> None:
        self._name = decider.name
        try:
            self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(decider.state)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise self._unfit(f"its type {decider.state!r} cannot be read from JSON: {error}") from error
        self.tried = self.unfit = False
        """Whether a state has come through; whether one has not."""

    def encode(self, state: object) -> bytes:
        """A state as UTF-8 JSON. Raises DeclarationError where it would not be read as an equal one."""
        try:
            data = msgspec.json.encode(state)
            again = self._decoder.decode(data)
            same = type(again) is type(state) and bool(again == state)
        except Exception as error:  # of the state's own methods, too
            raise self._unfit(f"{type(error).__name__}: {error}") from error
        if not same:
            raise self._unfit(f"{str(state)[:200]} is read again as {str(again)[:200]}")
        self.tried = True
        return data

    def decode(self, data: bytes) -> Any:
        """A state from `encode`. Raises whatever is wrong with it."""
        return self._decoder.decode(data)

    def _unfit(self, why: str) -> DeclarationError:
        return DeclarationError(
            f"decider {self._name!r}: its state cannot be kept in snapshots: {why}; make it of what msgspec reads and "
            "writes, with an `==` that compares its fields, or declare no snapshots"
        )


class Found(NamedTuple):
    """The state that a command was decided on: folded from stream version `start` on, which took so many `seconds`."""

    decider: Decider[Any, Any, Any]
    stream: str
    start: int
    loaded: Loaded[Any]
    seconds: float


class Snapshotter:
    """The snapshots of an application. Without `kept` there are none. Raises DeclarationError for a state's type."""

    def __init__(
        self, deciders: Sequence[Decider[Any, Any, Any]], folding: Folding, kept: SnapshotStore | None
    ) -> None:
        self._folding = folding
        self._kept = kept
        self._codecs = {each.name: StateCodec(each) for each in deciders if each.snapshots and kept}
        self._due: dict[str, Found] = {}
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    async def start(self, decider: Decider[Any, S, Any], stream: str, upto: int | None = None) -> Start[S]:
        """Where to begin with a stream that is of interest `upto` a version: at its snapshot, if there is one."""
        codec = self._codecs.get(decider.name)
        found = await self._find(decider, stream) if codec else None
        if codec is None or found is None or (upto is not None and found.version > upto):
            return Start(decider.initial)
        decode = partial(codec.decode, found.state)
        try:
            return Start(decode, found.version, found.position, (decode(),))
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            log.warning("snapshot of %s at version %s is ignored, it is damaged: %s", stream, found.version, error)
            return Start(decider.initial)

    async def _find(self, decider: Decider[Any, Any, Any], stream: str) -> Snapshot | None:
        if self._kept is None or decider.snapshots is None:
            return None
        try:
            return await self._kept.get(stream, decider.name, decider.snapshots.version)
        except (StoreCorrupt, StoreRefused, StoreReadOnly) as error:  # the events may be as they should be
            log.warning("snapshot of %s is ignored, it cannot be read: %s", stream, error)
            return None

    def check(self, found: Found) -> None:
        """Try once whether a decider's states can be kept. Raises DeclarationError."""
        codec = self._codecs.get(found.decider.name)
        if codec and not codec.tried and found.loaded.version:
            codec.encode(found.loaded.state)

    def offer(self, found: Found | None, version: int = 0) -> None:
        """Take a snapshot behind a command, if it is time for one; the stream is at `version` since."""
        if found is None or self._kept is None or (policy := found.decider.snapshots) is None:
            return
        more = max(version, found.loaded.version) - found.start
        many = policy.every is not None and more >= policy.every
        slow = policy.seconds is not None and more > 0 and found.seconds > policy.seconds
        if (many or slow) and found.stream not in self._due and len(self._due) < MAX_WAITING:
            self._due[found.stream] = found
            self._written.clear()
            self._wake.set()

    async def run(self) -> None:
        """Take snapshots until cancelled."""
        while True:
            await self._wake.wait()
            await self.drain()

    async def drain(self) -> None:
        """Take those that are due. Where the store cannot keep them now, they are given up."""
        while self._due:
            stream, found = next(iter(self._due.items()))
            try:
                await self._take(found)
            except (StoreError, Overloaded) as error:
                log.warning("no snapshot of %s, nor of %s other streams: %s", stream, len(self._due) - 1, error)
                self._due.clear()
            self._due.pop(stream, None)
        self._wake.clear()
        self._written.set()

    async def written(self) -> None:
        """Wait until none is due."""
        await self._written.wait()

    async def _take(self, found: Found) -> None:
        """Keep the state after all that has followed. Of a new event what is stored counts, not what was encoded."""
        decider, stream = found.decider, found.stream
        codec = self._codecs.get(decider.name)
        if self._kept is None or decider.snapshots is None or codec is None or codec.unfit:
            return
        try:
            loaded = await self._folding.follow(decider, stream, found.loaded)
            last = await self._folding.event(stream, loaded.version)
            data = codec.encode(loaded.state)
            if last:
                key = stream, decider.name, decider.snapshots.version
                await self._kept.put(Snapshot(*key, last.stream_version, last.position, last.time, data))
        except DeclarationError as error:
            log.error("%s; until the next start it has none", error)
            codec.unfit = True
        except (StoreError, Overloaded):
            raise
        except Exception as error:  # the next command on the stream meets it, too, and says so to who asked for it
            log.warning("no snapshot of %s: %s: %s", stream, type(error).__name__, error)
