"""The fixtures that users' tests may take from `headwater.testing.plugin`."""

import subprocess
import sys
from pathlib import Path

USERS = """
pytest_plugins = ["headwater.testing.plugin"]

import asyncio
from headwater import NewEvent, Write, open_store

seen = []

async def append(url):
    async with await open_store(url) as store:
        return (await store.append(Write("a", [NewEvent("happened", b"{}")]))).last

def test_one(postgres_url, postgres_server):
    seen.append(postgres_url)
    assert asyncio.run(append(postgres_url)) == 1
    assert str(postgres_server.port) in postgres_url

def test_two(postgres_url):
    assert postgres_url not in seen
    assert asyncio.run(append(postgres_url)) == 1
"""


def test_users_get_a_database_for_each_test(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(USERS.splitlines()[1])
    (tmp_path / "test_mine.py").write_text(USERS.replace(USERS.splitlines()[1], ""))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), f"--rootdir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
