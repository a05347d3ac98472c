"""Shops of which only the contract is real, each with the Shop UI at its front, in a thread of their own."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from threading import Thread

from starlette.routing import Mount

from contract_fake import FakeShop, Front, made_up_items
from headwater.http import serving
from headwater_shop.web import contract_ui, on_contract

STARTS_WITHIN = 30.0

Ready = Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, dict[str, str]]]


@contextmanager
def fake_shops(titles: Sequence[str], *, down: bool = False) -> Iterator[dict[str, str]]:
    """A running shop for each title: its address by its title. Each knows of the others. Those that are `down` have a
    front, and nobody behind it."""
    ready: Ready = Future()
    thread = Thread(target=lambda: asyncio.run(_serve(titles, down, ready)), name="fake shops")
    thread.start()
    loop, end, addresses = ready.result(STARTS_WITHIN)
    try:
        yield addresses
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


async def _serve(titles: Sequence[str], down: bool, ready: Ready) -> None:
    addresses, end = dict[str, str](), asyncio.Event()
    async with AsyncExitStack() as stack:
        for title in titles:
            fake = FakeShop(title, made_up_items(), later=title.startswith("event_driven"))
            fake.down = down
            front = Front(fake)
            behind = await stack.enter_async_context(serving(front.app()))
            backend = await stack.enter_async_context(on_contract(behind.url))
            app = front.app(Mount("/", contract_ui(backend, title, addresses)))
            addresses[title] = (await stack.enter_async_context(serving(app))).url
        ready.set_result((asyncio.get_running_loop(), end, addresses))
        await end.wait()
