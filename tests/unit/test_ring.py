"""Keys at hand: fetched together, bounded, and of no use once the key store was not asked for too long."""

import asyncio
from collections.abc import Collection

import pytest

from headwater.errors import KeysNeeded, Overloaded, StoreUnavailable, SubjectForgotten, WrongKeys
from headwater.keys.fetching import with_keys
from headwater.keys.memory import MemoryKeys
from headwater.keys.port import SubjectKey
from headwater.keys.ring import Ring
from headwater.testing.running import asynchronous

WHERE = ("booked", "name")


class CountedKeys(MemoryKeys):
    """Notes what it is asked for; `down` while it cannot be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []
        self.heard = 0
        self.down = False

    async def provide(self, subjects: Collection[str]) -> list[SubjectKey]:
        self.asked.append(tuple(sorted(subjects)))
        await asyncio.sleep(0)
        return await super().provide(subjects)

    async def find(self, ids: Collection[str]) -> list[SubjectKey]:
        self.asked.append(tuple(sorted(ids)))
        return await super().find(ids)

    async def generation(self) -> int:
        self.heard += 1
        if self.down:
            raise StoreUnavailable("keys")
        return await super().generation()


class Time:
    """The machine's time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def sealed(ring: Ring, subject: str, value: bytes = b'"v"') -> str:
    return await with_keys(lambda: ring.seal(subject, WHERE, value))


async def opened(ring: Ring, text: str) -> bytes | None:
    return await with_keys(lambda: ring.open(text, None, WHERE))


@asynchronous
async def test_nothing_is_sealed_before_the_key_store_has_the_key() -> None:
    ring = Ring(MemoryKeys())
    with pytest.raises(KeysNeeded) as needed:
        ring.seal("ann", WHERE, b"1")
    assert await ring.store.look_up("ann") is None
    await needed.value.fetch()
    key = await ring.store.look_up("ann")
    assert key is not None
    assert ring.seal("ann", WHERE, b"1").startswith(f"{key.id}:")


@asynchronous
async def test_who_asks_meanwhile_is_served_together() -> None:
    ring = Ring(keys := CountedKeys())
    await asyncio.gather(*[sealed(ring, f"s{n % 30}") for n in range(300)])
    assert len(keys.asked) <= 3
    assert keys.heard == 1


@asynchronous
async def test_it_is_bounded_and_the_last_used_stay() -> None:
    ring = Ring(keys := CountedKeys(), bound=3)
    texts = {name: await sealed(ring, name) for name in "abc"}
    await opened(ring, texts["a"])
    await sealed(ring, "d")
    del keys.asked[:]
    await sealed(ring, "a")
    await opened(ring, texts["c"])
    assert keys.asked == []
    await opened(ring, texts["b"])
    assert len(keys.asked) == 1


@asynchronous
async def test_what_is_needed_at_once_may_be_more_than_the_bound() -> None:
    ring = Ring(MemoryKeys(), bound=2)
    texts = [await sealed(ring, f"s{n}") for n in range(20)]

    def all_of_them() -> list[bytes | None]:
        ring.check((), [text.partition(":")[0] for text in texts])
        return [ring.open(text, None, WHERE) for text in texts]

    assert await with_keys(all_of_them) == [b'"v"'] * 20


@asynchronous
async def test_a_key_counts_no_longer_than_the_lease_without_asking() -> None:
    keys, time = CountedKeys(), Time()
    ring = Ring(keys, lease=1.0, now=time)
    text = await sealed(ring, "ann")
    await keys.destroy("ann", "another process")
    time.seconds += 1.0
    assert ring.open(text, "ann", WHERE) == b'"v"'
    time.seconds += 0.001
    with pytest.raises(KeysNeeded):
        ring.open(text, "ann", WHERE)
    with pytest.raises(KeysNeeded):
        ring.seal("ann", WHERE, b"1")
    assert await opened(ring, text) is None
    with pytest.raises(SubjectForgotten):
        await sealed(ring, "ann")


@asynchronous
async def test_as_long_as_nothing_was_destroyed_what_is_held_stays() -> None:
    keys, time = CountedKeys(), Time()
    ring = Ring(keys, lease=1.0, now=time)
    for _ in range(5):
        await sealed(ring, "ann")
        time.seconds += 2
    assert (len(keys.asked), keys.heard) == (1, 5)


@asynchronous
async def test_without_its_key_store_nothing_is_opened_once_the_lease_is_over() -> None:
    keys, time = CountedKeys(), Time()
    ring = Ring(keys, lease=1.0, now=time)
    text = await sealed(ring, "ann")
    keys.down = True
    assert await opened(ring, text) == b'"v"'
    time.seconds += 2
    with pytest.raises(StoreUnavailable):
        await opened(ring, text)
    keys.down = False
    assert await opened(ring, text) == b'"v"'


@asynchronous
async def test_a_key_that_is_not_there_is_asked_for_again() -> None:
    keys, time = CountedKeys(), Time()
    here, there = Ring(keys, lease=1.0, now=time), Ring(MemoryKeys())
    text = await sealed(there, "ann")
    for _ in range(2):
        with pytest.raises(WrongKeys):
            await opened(here, text)
    assert len(keys.asked) == 1
    time.seconds += 2
    with pytest.raises(WrongKeys):
        await opened(here, text)
    assert len(keys.asked) == 2


@asynchronous
async def test_keys_that_are_gone_each_time_are_told_of() -> None:
    ring = Ring(MemoryKeys(), lease=-1.0)
    with pytest.raises(Overloaded, match="keys"):
        await sealed(ring, "ann")
