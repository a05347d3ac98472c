"""Keys in this process's memory: for tests, and for stores that nobody keeps."""

from collections.abc import Collection
from dataclasses import replace
from types import TracebackType
from typing import Self

from headwater.clock import Clock, SystemClock
from headwater.errors import StoreClosed
from headwater.keys.port import SubjectKey, new_key

ADDRESS = "memory:"


class MemoryKeys:
    """KeyStore in memory."""

    address = ADDRESS
    shared = False

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._keys: dict[str, SubjectKey] = {}
        self._closed = False

    async def provide(self, subjects: Collection[str]) -> list[SubjectKey]:
        self._check_open()
        for each in subjects:
            if each not in self._keys:
                self._keys[each] = new_key(each, self._clock.now())
        return [self._keys[each] for each in subjects]

    async def find(self, ids: Collection[str]) -> list[SubjectKey]:
        self._check_open()
        return [key for key in self._keys.values() if key.id in ids]

    async def look_up(self, subject: str) -> SubjectKey | None:
        self._check_open()
        return self._keys.get(subject)

    async def destroy(self, subject: str, by: str) -> SubjectKey | None:
        self._check_open()
        found = self._keys.get(subject)
        if found and not found.destroyed:
            found = self._keys[subject] = replace(found, secret=b"", destroyed=self._clock.now(), by=by)
        return found

    async def generation(self) -> int:
        self._check_open()
        return sum(1 for key in self._keys.values() if key.destroyed)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(ADDRESS)

    async def close(self) -> None:
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
