"""An application with topics, and a real server for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from http_support import OrderPlaced, orders

from headwater.app import Runtime
from headwater.fold import App, Topic
from headwater.http import Limits, http_app, serving
from headwater.messages import Record

CLICKS = Topic("clicks", partitions=2, max_record_bytes=2_000, max_bytes=10**6)
NARROW = Topic("narrow", partitions=1, backlog=3)
PLACED = Topic("placed", events=(OrderPlaced,))
topics_app = App("tiny", deciders=[orders], topics=[CLICKS, NARROW, PLACED])

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
LINES, PLAIN, PROBLEM = "application/x-ndjson", "application/json", "application/problem+json"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True)
class ServedTopics:
    """A running server and a client for it."""

    runtime: Runtime
    client: httpx.AsyncClient

    async def post(
        self, content: Any, content_type: str | None, path: str = "clicks", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            named["content-type"] = content_type
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.client.post(f"/topics/{path}", content=body, headers=named)

    async def records(self, topic: str = "clicks") -> list[Record]:
        broker = self.runtime.broker
        assert broker is not None
        return [record for partition in await broker.ends(topic) for record in await broker.read(topic, partition)]


@asynccontextmanager
async def topics_served(limits: Limits | None = None, **options: Any) -> AsyncIterator[ServedTopics]:
    """The application on a free port, over a store and a broker in memory."""
    async with (
        Runtime.open(topics_app, broker="memory:") as runtime,
        serving(http_app(runtime, limits=limits, **options)) as address,
        httpx.AsyncClient(base_url=address.url, timeout=10) as client,
    ):
        yield ServedTopics(runtime, client)


def over_topics(test: Callable[[ServedTopics], Awaitable[None]]) -> Callable[[], None]:
    """Runs a coroutine test against a server of its own."""

    async def with_server() -> None:
        async with topics_served() as server:
            await test(server)

    def run() -> None:
        asyncio.run(asyncio.wait_for(with_server(), 30))

    run.__name__, run.__doc__ = test.__name__, test.__doc__  # type: ignore[attr-defined]
    return run


def cloud_event(id: str = "e1", **more: Any) -> dict[str, Any]:
    """A CloudEvent in JSON."""
    return {"specversion": "1.0", "id": id, "source": "/phones/7", "type": "page.seen", **more}
