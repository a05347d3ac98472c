"""A broker used from elsewhere: a thread with an event loop of its own, which can be made to stand still."""

import asyncio
import threading
from collections.abc import Collection, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from headwater.messages import Record
from headwater.streaming.port import Broker, Member
from headwater.streaming.records import Assigned, Progress
from headwater.testing.streaming.harness import OpenBroker

T = TypeVar("T")


class Elsewhere:
    """Opens the broker at a place a second time. Between `freeze` and `thaw` nothing of it runs, as in a process that
    hangs: its members give no sign of life."""

    def __init__(self, open_broker: OpenBroker, place: str) -> None:
        self._open = open_broker
        self._place = place
        self._loop = asyncio.new_event_loop()
        self._moving = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="elsewhere")
        self._broker: Broker

    async def join(self, topic: str, group: str, *, session: float, drain: float) -> Member:
        """Join a group there. The member can be used from here."""
        return _Far(await self._call(self._broker.join(topic, group, session=session, drain=drain)), self)

    async def freeze(self) -> None:
        """From now on nothing runs there."""
        frozen = threading.Event()

        def stand_still() -> None:
            frozen.set()
            self._moving.wait()

        self._moving.clear()
        self._loop.call_soon_threadsafe(stand_still)
        await asyncio.to_thread(frozen.wait)

    def thaw(self) -> None:
        """It goes on, and knows nothing."""
        self._moving.set()

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def __aenter__(self) -> Self:
        self._thread.start()
        self._broker = await self._call(_opened(self._open, self._place))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        await self._call(self._broker.close())
        await self._call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _opened(open_broker: OpenBroker, place: str) -> Broker:
    return await open_broker(place)


class _Far:
    """A member elsewhere, used from here."""

    def __init__(self, member: Member, elsewhere: Elsewhere) -> None:
        self._member = member
        self._call = elsewhere._call

    @property
    def name(self) -> str:
        return self._member.name

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        return self._member.assigned

    @property
    def leaving(self) -> Collection[int]:
        return self._member.leaving

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        return await self._call(self._member.fetch(limit, timeout=timeout))

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        await self._call(self._member.commit(progress))

    def pause(self, partition: int) -> None:
        self._member.pause(partition)

    def resume(self, partition: int) -> None:
        self._member.resume(partition)

    async def release(self, partitions: Collection[int]) -> None:
        await self._call(self._member.release(partitions))

    async def leave(self) -> None:
        await self._call(self._member.leave())
