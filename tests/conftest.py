"""What all tests share: hypothesis' settings, and real servers, one for a session of each worker."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from headwater.testing.kafka import KafkaCluster, kafka_cluster
from headwater.testing.nats import NatsCluster, NatsServer, nats_cluster, nats_server
from headwater.testing.postgres import PostgresServer, default_binaries, find_binaries, postgres_server
from pooler import Pooler, Ways, find_pgbouncer, pooling

settings.register_profile("headwater", deadline=None, print_blob=True)  # a busy machine is no failure
settings.load_profile("headwater")

NewSchema = Callable[[PostgresServer | Pooler], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL that the tests bring along."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def old_postgres() -> Iterator[PostgresServer]:
    """The oldest version that this machine has besides; Debian 12 brings 15."""
    with postgres_server(_oldest()) as server:
        yield server


def _oldest() -> Path:
    found = find_binaries()
    version = min(found, default=0)
    if not found or found[version] == default_binaries():
        pytest.skip("there is no second version of PostgreSQL (on Debian: apt-get install postgresql)")
    return found[version]


@pytest.fixture(scope="session")
def pgbouncer(postgres: PostgresServer) -> Iterator[Pooler]:
    """A pgbouncer in transaction mode in front of `postgres`."""
    program = find_pgbouncer()
    if program is None:
        pytest.skip("NO POOLER: install Debian's pgbouncer (apt-get install pgbouncer) to test behind a real one")
    with pooling(program, postgres) as pooler:
        yield pooler


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaCluster]:
    """A mock cluster that speaks Kafka's protocol."""
    with kafka_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    """The NATS that the tests bring along."""
    with nats_server() as server:
        yield server


@pytest.fixture(scope="session")
def nats_nodes() -> Iterator[NatsCluster]:
    """Three of it, which are one cluster."""
    with nats_cluster(3) as cluster:
        yield cluster


_numbers = count(1)


@pytest.fixture(scope="session")
def new_schema() -> NewSchema:
    """Gives the address of an empty store in a schema of its own."""
    return lambda server: f"{server.url()}?schema=test_{next(_numbers)}"


@pytest.fixture
def ways(pgbouncer: Pooler, new_schema: NewSchema) -> Ways:
    """An empty store behind the pooler, and past it."""
    return Ways(pgbouncer, new_schema(pgbouncer).rpartition("=")[2])


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store that can be opened several times, and again."""
    return _kept(request, tmp_path)


def _kept(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    address: str = request.getfixturevalue("new_schema")(request.getfixturevalue("postgres"))
    return address


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return "memory:" if request.param == "memory" else _kept(request, tmp_path)
