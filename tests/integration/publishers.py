"""Publishers that go on whatever happens, and the proof that what they were told is true."""

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from itertools import count

from headwater.adapters.nats.broker import NatsBroker
from headwater.errors import AcknowledgementLost, StoreError
from headwater.messages import NewRecord, Record
from headwater.streaming.port import Broker
from headwater.streaming.records import Confirmed


class Load:
    """Publishers with keys of their own. What was not confirmed they publish again, until it is."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.confirmed: dict[str, Confirmed] = {}
        """By key and number."""
        self.lost: set[str] = set()
        """What went without ids, and may be there or not."""
        self.stop = asyncio.Event()
        self.moved = asyncio.Event()

    async def publisher(self, broker: NatsBroker, name: str, *, largest: int, ids: bool = True) -> None:
        """Publish until told to stop: of two keys in turn, up to so many records at once."""
        chosen, numbers = random.Random(name), count()
        while not self.stop.is_set():
            texts = [f"{name}-{n % 2}:{n}" for n in (next(numbers) for _ in range(chosen.randint(1, largest)))]
            new = [NewRecord(text.encode(), text.partition(":")[0], text if ids else "") for text in texts]
            while True:
                try:
                    self.confirmed |= zip(texts, await broker.publish(self.topic, new), strict=True)
                    break
                except AcknowledgementLost:
                    if not ids:
                        self.lost |= set(texts)
                        break
                except StoreError:
                    await asyncio.sleep(0.01)
            self.moved.set()

    async def until(self, confirmed: int) -> None:
        """Return when so many are confirmed."""
        while len(self.confirmed) < confirmed:
            self.moved.clear()
            await self.moved.wait()


async def everything(broker: Broker, topic: str) -> list[Record]:
    """All records of a topic, partition by partition."""
    found: list[Record] = []
    for partition, (start, end) in (await broker.ends(topic)).items():
        while start < end:
            page = await broker.read(topic, partition, start=start, limit=5_000)
            found += page
            start = page[-1].offset + 1
    return found


def prove(load: Load, records: list[Record]) -> None:
    """Everything that was confirmed lies where it was said to, once, and in order within its key."""
    lying: defaultdict[str, list[Confirmed]] = defaultdict(list)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        text = record.value.decode()
        lying[text].append(Confirmed(record.partition, record.offset))
        numbers[text.partition(":")[0]].append(int(text.partition(":")[2]))
    missing = [text for text, place in load.confirmed.items() if place[:2] not in [each[:2] for each in lying[text]]]
    assert missing == []
    twice = [text for text, places in lying.items() if len(places) > 1]
    assert twice == []
    disordered = [key for key, found in numbers.items() if found != sorted(found)]
    assert disordered == []
    strangers = lying.keys() - load.confirmed.keys() - load.lost
    assert strangers == set()


async def stopped(tasks: list["asyncio.Task[None]"], load: Load) -> None:
    """Have the publishers end."""
    load.stop.set()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)
