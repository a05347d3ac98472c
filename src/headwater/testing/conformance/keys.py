"""The suite that every KeyStore passes. One fixture declares an adapter:

    class TestMyKeys(KeyStoreConformance):
        @pytest.fixture
        def open_keys(self, tmp_path):
            return lambda clock: MyKeys.open(tmp_path / "keys", clock=clock)

Each test has a place of its own; one that is `shared` is opened there several times, and again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from headwater.clock import Clock, ManualClock
from headwater.errors import StoreClosed
from headwater.keys.port import SECRET_BYTES, KeyStore, SubjectKey
from headwater.testing.running import asynchronous

OpenKeys = Callable[[Clock], Awaitable[KeyStore]]
ODD = ("Ann", "ann", "ann ", "", "ünï ✓ 雪", "a'b\"c%_\\", "x" * 500, "null", "{}")


def by_subject(keys: list[SubjectKey]) -> dict[str, SubjectKey]:
    assert len({key.subject for key in keys}) == len(keys)
    return {key.subject: key for key in keys}


class KeyStoreConformance:
    """Inherit from it and give it the fixture `open_keys`."""

    @asynchronous
    async def test_a_key_is_made_once_for_each_subject(self, open_keys: OpenKeys) -> None:
        clock = ManualClock()
        async with await open_keys(clock) as keys:
            made = by_subject(await keys.provide(["ann", "bob"]))
            clock.advance(1)
            again = by_subject(await keys.provide(["bob", "cid", "ann"]))
            assert {name: again[name] for name in made} == made
            assert len({key.secret for key in again.values()}) == len({key.id for key in again.values()}) == 3
            assert all(len(key.secret) == SECRET_BYTES and not key.destroyed for key in again.values())
            assert again["cid"].created == again["ann"].created + 1_000_000

    @asynchronous
    async def test_keys_are_found_by_id_and_by_subject(self, open_keys: OpenKeys) -> None:
        async with await open_keys(ManualClock()) as keys:
            made = by_subject(await keys.provide(["ann", "bob"]))
            ids = [key.id for key in made.values()]
            assert by_subject(await keys.find([*ids, "none"])) == made
            assert await keys.find([]) == []
            assert await keys.provide([]) == []
            assert await keys.look_up("ann") == made["ann"]
            assert await keys.look_up("nobody") is None

    @asynchronous
    async def test_any_text_names_a_subject(self, open_keys: OpenKeys) -> None:
        async with await open_keys(ManualClock()) as keys:
            made = by_subject(await keys.provide(ODD))
            assert set(made) == set(ODD)
            assert by_subject(await keys.provide(ODD)) == made
            assert await keys.destroy("Ann", "me")
            assert not (await keys.provide(["ann"]))[0].destroyed

    @asynchronous
    async def test_what_is_left_of_a_destroyed_key_says_when_and_by_whom(self, open_keys: OpenKeys) -> None:
        clock = ManualClock()
        async with await open_keys(clock) as keys:
            made = by_subject(await keys.provide(["ann", "bob"]))
            before = await keys.generation()
            clock.advance(5)
            left = await keys.destroy("ann", "the officer")
            assert left is not None
            assert (left.id, left.subject, left.secret, left.created) == (
                made["ann"].id,
                "ann",
                b"",
                made["ann"].created,
            )
            assert (left.destroyed, left.by) == (clock.now(), "the officer")
            assert await keys.generation() != before
            for found in (await keys.provide(["ann"]), await keys.find([left.id]), [await keys.look_up("ann")]):
                assert found == [left]
            assert await keys.look_up("bob") == made["bob"]

    @asynchronous
    async def test_destroying_again_changes_nothing(self, open_keys: OpenKeys) -> None:
        clock = ManualClock()
        async with await open_keys(clock) as keys:
            await keys.provide(["ann"])
            first, count = await keys.destroy("ann", "one"), await keys.generation()
            clock.advance(5)
            assert await keys.destroy("ann", "two") == first
            assert await keys.generation() == count

    @asynchronous
    async def test_nobody_s_key_is_not_destroyed(self, open_keys: OpenKeys) -> None:
        async with await open_keys(ManualClock()) as keys:
            assert await keys.destroy("nobody", "me") is None
            assert await keys.generation() == 0
            assert not (await keys.provide(["nobody"]))[0].destroyed

    @asynchronous
    async def test_a_secret_is_not_shown(self, open_keys: OpenKeys) -> None:
        async with await open_keys(ManualClock()) as keys:
            (key,) = await keys.provide(["ann"])
            assert repr(key.secret) not in repr(key)

    @asynchronous
    async def test_many_who_ask_at_once_agree(self, open_keys: OpenKeys) -> None:
        async with await open_keys(ManualClock()) as keys:
            found = await asyncio.gather(*[keys.provide([f"s{n % 7}", f"s{n % 5}"]) for n in range(50)])
            made = {(key.subject, key.id, key.secret) for each in found for key in each}
            assert len(made) == 7

    @asynchronous
    async def test_several_that_share_a_place_agree(self, open_keys: OpenKeys) -> None:
        clock = ManualClock()
        async with await open_keys(clock) as one:
            if not one.shared:
                pytest.skip("the store declares that it is not shared")
            async with await open_keys(clock) as two:
                subjects = [f"s{n}" for n in range(50)]
                found = await asyncio.gather(
                    *[each.provide(subjects[n : n + 10]) for n in range(40) for each in (one, two)]
                )
                assert len({(key.subject, key.id) for each in found for key in each}) == 49
                await one.destroy("s1", "me")
                assert (await two.provide(["s1"]))[0].destroyed
                assert await two.generation() == await one.generation() == 1
        async with await open_keys(clock) as again:
            assert {key.id for key in await again.provide(["s1", "s2"])} <= {key.id for each in found for key in each}
            assert await again.generation() == 1

    @asynchronous
    async def test_after_closing_it_says_so(self, open_keys: OpenKeys) -> None:
        keys = await open_keys(ManualClock())
        await keys.close()
        await keys.close()
        for call in (keys.provide(["ann"]), keys.find(["a"]), keys.look_up("ann"), keys.generation()):
            with pytest.raises(StoreClosed):
                await call
