"""`stream tail`: a topic's records as they come, read by nobody's group."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from headwater.messages import Offset, Record
from headwater.streaming.port import Broker

LOOK_EVERY = 0.1  # seconds between looks for new records
PAGE = 1_000  # records that are held at most, give or take one of each partition


@dataclass(frozen=True)
class Tail:
    """Reads on from `places`: by time, as far as records of several partitions come together; in each partition in its
    order, whatever the times say."""

    broker: Broker
    topic: str
    places: dict[int, Offset]

    async def read(self, *, follow: bool) -> AsyncGenerator[Record, None]:
        """The records; without `follow` those that are there now."""
        ends = await self._ends()
        while True:
            for record in await self._page(ends):
                yield record
            await asyncio.sleep(0)  # reading may never wait, and then Ctrl-C came through nowhere else
            if all(self.places[partition] >= end for partition, end in ends.items()):
                if not follow:
                    return
                ends = await self._more(ends)

    async def _ends(self) -> dict[int, Offset]:
        return {p: end for p, (_, end) in (await self.broker.ends(self.topic)).items() if p in self.places}

    async def _more(self, ends: Mapping[int, Offset]) -> dict[int, Offset]:
        while (now := await self._ends()) == ends:  # noqa: ASYNC110 - who only reads is not told of new records
            await asyncio.sleep(LOOK_EVERY)
        return now

    async def _page(self, ends: Mapping[int, Offset]) -> list[Record]:
        """The next records before those ends. The places move on."""
        behind = [partition for partition, end in ends.items() if self.places[partition] < end]
        runs = []
        for partition in behind:
            start, end = self.places[partition], ends[partition]
            records = await self.broker.read(self.topic, partition, start=start, limit=max(1, PAGE // len(behind)))
            run = [record for record in records if record.offset < end]
            self.places[partition] = run[-1].offset + 1 if run and len(run) == len(records) else end
            runs.append(run)
        return list(heapq.merge(*runs, key=lambda record: record.time))
