"""Fixtures for pytest: a real PostgreSQL, and a fresh database for each test. In a conftest.py:

pytest_plugins = ["headwater.testing.plugin"]

def test_orders(postgres_url):
    ...                             # Runtime.open(app, postgres_url)
"""

from collections.abc import Iterator

import pytest

from headwater.testing.postgres import PostgresServer
from headwater.testing.postgres import postgres_server as running_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the session; see `headwater.testing.postgres` for where its binaries come from."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database, which is dropped after the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
