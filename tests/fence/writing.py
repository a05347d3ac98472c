"""A client that appends by the store's own functions, in transactions that it rolls back now and then, until killed."""

import random
import sys
import time

import psycopg

ROLLED_BACK = 0.1
LONGEST_PAUSE = 0.004  # seconds within a transaction


def write_for_ever(url: str, schema: str, seed: int) -> None:
    chosen = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            with connection.transaction(force_rollback=chosen.random() < ROLLED_BACK):
                for _ in range(chosen.randint(1, 3)):
                    stream = chosen.randrange(1_000_000)
                    append(connection, schema, stream)
                    time.sleep(chosen.uniform(0, LONGEST_PAUSE))  # so that transactions overlap


def append(connection: psycopg.Connection, schema: str, stream: int) -> None:
    """One event, in a stream of its number."""
    call = f"SELECT {schema}.append_one(%s, %s, -1, 0, 1, '{{}}', '')"
    connection.execute(call.encode(), (stream % 1000 + 1, f"s-{stream}"))


if __name__ == "__main__":
    write_for_ever(sys.argv[1], sys.argv[2], int(sys.argv[3]))
