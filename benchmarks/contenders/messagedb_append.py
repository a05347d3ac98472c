"""pg-append-*: message-db's own function `write_message`, called by asyncpg, a connection a writer. Modes: 8, 32.

Its SQL is brought from npm into `.bench/`. The extension pgcrypto is left out: PostgreSQL has had the one function
that message-db takes from it, gen_random_uuid, since version 13.
"""

import asyncio
from uuid import uuid4

import asyncpg

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.pg import address
from benchmarks.environments import message_db_folder
from benchmarks.workload import place, samples

OPTIONS = options()
EVENTS = samples()
FILES = ("schema/message-store.sql", "tables/messages.sql", "types/message.sql")
FUNCTIONS = (
    "message-store-version", "hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id",
    "stream-version", "write-message",
)  # fmt: skip
WRITE = "SELECT message_store.write_message($1, $2, 'ItemAdded', $3::jsonb, NULL, $4)"


async def install(url: str) -> None:
    folder = message_db_folder()
    files = [*FILES, *(f"functions/{name}.sql" for name in FUNCTIONS), *(
        f"indexes/messages-{name}.sql" for name in ("id", "stream", "category")
    )]  # fmt: skip
    connection = await asyncpg.connect(url)
    for file in files:
        text = (folder / file).read_text().replace("CREATE UNIQUE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX")
        await connection.execute(text.replace("CREATE INDEX CONCURRENTLY", "CREATE INDEX"))
    await connection.close()


async def singles(url: str, tasks: int) -> float:
    await install(url)
    settings = {"search_path": "message_store,public"}
    connections = [await asyncpg.connect(url, server_settings=settings) for _ in range(tasks)]
    prepared = [await each.prepare(WRITE) for each in connections]

    async def append(worker: int, k: int) -> None:
        stream, version = place(worker, k)
        await prepared[worker].fetchval(str(uuid4()), stream, EVENTS[k % len(EVENTS)], version - 2)

    try:
        return await tasks_per_second(append, tasks, OPTIONS.seconds)
    finally:
        for each in connections:
            await each.close()


if __name__ == "__main__":
    play(lambda directory: asyncio.run(singles(address(directory), int(OPTIONS.mode))))
