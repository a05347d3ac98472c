"""Snapshots in memory, beside a MemoryStore."""

from collections.abc import Sequence

from headwater.store.memory import MemoryStore
from headwater.store.snapshots import Snapshot


class MemorySnapshots:
    """SnapshotStore in this process's memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._kept: dict[tuple[str, str, int], Snapshot] = {}

    async def get(self, stream: str, decider: str, fold: int) -> Snapshot | None:
        found = self._kept.get((stream, decider, fold))
        if found is None:
            return None
        last = await self._store.read_stream(stream, after=found.version - 1, limit=1)
        return found if last and (last[0].position, last[0].time) == (found.position, found.time) else None

    async def put(self, snapshot: Snapshot) -> None:
        of = snapshot.stream, snapshot.decider
        older = [key for key in self._kept if key[:2] == of and key[2] < snapshot.fold]
        for key in older:
            del self._kept[key]
        self._kept[(*of, snapshot.fold)] = snapshot

    async def drop(self, stream: str = "") -> int:
        found = [key for key in self._kept if stream in ("", key[0])]
        for key in found:
            del self._kept[key]
        return len(found)

    async def all(self, *, after: str = "", limit: int = 1000) -> Sequence[Snapshot]:
        streams = sorted({stream for stream, _, _ in self._kept if stream > after})[:limit]
        return [kept for key, kept in sorted(self._kept.items()) if key[0] in streams]
