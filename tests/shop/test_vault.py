"""The vault: which card pays which order, between processes."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from headwater.testing.running import asynchronous
from headwater_shop.event_driven.vault import Vault


@asynchronous
async def test_what_one_puts_there_another_finds(tmp_path: Path) -> None:
    front, payments = Vault(tmp_path / "cards.db"), Vault(tmp_path / "cards.db")
    await asyncio.gather(*(front.put(f"o-{number}", f"card-{number}") for number in range(200)))
    assert [await payments.card_of(f"o-{number}") for number in range(200)] == [f"card-{n}" for n in range(200)]
    await front.put("o-1", "another")
    assert await payments.card_of("o-1") == "another"
    assert await payments.card_of("o-none") == ""
    front.close()
    payments.close()
    again = Vault(tmp_path / "cards.db")
    assert await again.card_of("o-1") == "another"
    again.close()


@asynchronous
async def test_what_cannot_be_written_is_said_and_nobody_takes_it_for_written(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "cards.db")
    wrong: Any = object()
    puts = vault.put("o-0", "a"), vault.put("o-1", "a"), vault.put("o-2", wrong)
    first, *together = await asyncio.gather(*puts, return_exceptions=True)
    assert first is None
    assert [isinstance(answer, sqlite3.Error) for answer in together] == [True, True]
    assert await vault.card_of("o-1") == ""
    await vault.put("o-1", "a")
    assert await vault.card_of("o-1") == "a"
    vault.close()


@asynchronous
async def test_who_gives_up_takes_nobody_along(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "cards.db")
    first, second = (asyncio.create_task(vault.put(f"o-{number}", "a")) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await vault.card_of("o-2") == "a"
    vault.close()
