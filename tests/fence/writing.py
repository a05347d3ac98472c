"""A client that appends by the store's own functions, in transactions that it rolls back now and then, until killed."""

import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

from headwater.adapters.postgres.grouping import Group, Order
from headwater.messages import NewEvent, Write

ROLLED_BACK = 0.1
LONGEST_PAUSE = 0.004  # seconds within a transaction
KINDS = {("soak", 1): 0}  # the first kind of an empty store
TAGS = "red", "green", "blue"


def write_for_ever(url: str, schema: str, seed: int) -> None:
    chosen = random.Random(seed)
    shapes = some_orders(chosen, str(seed))
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            with connection.transaction(force_rollback=chosen.random() < ROLLED_BACK):
                for _ in range(chosen.randint(1, 3)):
                    append(connection, schema, next(shapes))
                    time.sleep(chosen.uniform(0, LONGEST_PAUSE))  # so that transactions overlap


def some_orders(chosen: random.Random, name: str) -> Iterator[list[Order]]:
    """One plain event; or several appends together, of several events and streams, with tags and ids. The names are
    those of one client, so that no two of them wait for each other."""
    numbers = count(1)
    while True:
        if chosen.random() < 0.4:
            yield [plain(f"{name}-{next(numbers)}")]
        else:
            yield [manifold(chosen, f"{name}-{next(numbers)}") for _ in range(chosen.randint(1, 3))]


def plain(name: str) -> Order:
    """What `append_one` can take."""
    return Order([Write(name, [event(name, 0)])], None, "", "")


def manifold(chosen: random.Random, name: str) -> Order:
    """What takes `append_group`."""
    writes = [
        Write(f"{name}-{stream}", [event(f"{name}-{stream}", n, chosen) for n in range(chosen.randint(1, 3))])
        for stream in range(chosen.randint(1, 3))
    ]
    return Order(writes, None, chosen.choice(["", name]), "")


def event(name: str, number: int, chosen: random.Random | None = None) -> NewEvent:
    """An event that is like no other."""
    tags = tuple(chosen.sample(TAGS, chosen.randint(0, 2))) if chosen else ()
    return NewEvent("soak", b'"%s/%d"' % (name.encode(), number), tags=tags)


def append(connection: psycopg.Connection, schema: str, orders: list[Order]) -> None:
    """Append as a store does, but inside the connection's transaction."""
    group = Group(KINDS, now=1)
    for order in orders:
        assert group.add(order)
    single = group.single
    values = group.single_arguments() if single else group.arguments()
    call = f"SELECT * FROM {schema}.{'append_one' if single else 'append_group'}"
    sql = f"{call}({', '.join(f'${n}' for n in range(1, len(values) + 1))})".encode()
    result = connection.pgconn.exec_params(sql, values, None, [Format.BINARY] * len(values), Format.BINARY)
    if result.status != ExecStatus.TUPLES_OK:
        raise error_from_result(result, "utf-8")
    assert single or result.get_value(0, 0) == b"\0", "not refused"


@asynccontextmanager
async def kept_open(database: str, schema: str, order: Order) -> AsyncIterator[int]:
    """A transaction that has appended in a store and stays open; its process at the server."""
    with (
        psycopg.connect(database, application_name="somebody", autocommit=True) as connection,
        connection.transaction(),
    ):
        append(connection, schema, [order])
        yield connection.info.backend_pid


if __name__ == "__main__":
    write_for_ever(sys.argv[1], sys.argv[2], int(sys.argv[3]))
