"""Running a service of the event-driven shop as a process, and the command line that does it."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from starlette.applications import Starlette
from starlette.routing import Mount

from headwater.app import Runtime
from headwater.delivery.port import Letters
from headwater.errors import BadInput, HeadwaterError
from headwater.http import Address, run, serve
from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.event_driven import interfaces
from headwater_shop.event_driven.bank_gateway import BankGateway
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.interfaces import interface
from headwater_shop.event_driven.services import FRONT, Name, Part, part
from headwater_shop.event_driven.vault import Vault
from headwater_shop.event_services.front import contract_routes
from headwater_shop.parts.asking import client
from headwater_shop.parts.parent import end_with_parent
from headwater_shop.web import shop_ui

Variant = Literal["naive", "gated"]

WAVES: Final = (1, 20, 500)
RATE: Final = 1_000.0
SESSION: Final = 2.0  # seconds until a service that was killed is taken for dead
_FILE: Final = "sqlite:///"

log = logging.getLogger("headwater_shop.event_services")


@dataclass(frozen=True)
class Options:
    """Where a service finds the others, and how it is deployed. `bank` is an address over HTTP, `cards` a file that the
    front and the payments service share (by default beside the broker's or the store's). `interface` is the form of
    what orders tell payments, `packing` the seconds from paid to dispatched, `payment_deadline` those from
    placed to cancelled where nobody pays, `others` the addresses of shops that are built in other ways, by their
    titles."""

    store: str
    broker: str
    bank: str = ""
    cards: str = ""
    port: int = 0
    variant: Variant = "naive"
    interface: interfaces.Name = ""
    packing: float = 0.0
    payment_deadline: float = PAYMENT_DEADLINE.total_seconds()
    others: Mapping[str, str] = field(default_factory=dict)


def command(service: Name, options: Options) -> Sequence[str]:
    """The command line of a service."""
    given = {
        "store": options.store, "broker": options.broker, "bank": options.bank, "cards": options.cards,
        "port": str(options.port), "variant": options.variant, "interface": options.interface,
        "packing": str(options.packing), "payment-deadline": str(options.payment_deadline),
    }  # fmt: skip
    pairs = [f"--{name}={value}" for name, value in given.items() if value]
    pairs += [f"--other={title}={url}" for title, url in options.others.items()]
    return [sys.executable, "-m", "headwater_shop.event_services", service, *pairs]


def run_event_driven(service: Name, options: Options) -> None:
    """Be that service until Ctrl-C, SIGTERM, or the end of the parent process. Says in a line when it is ready."""
    end_with_parent()
    run(_serve(service, options))


async def _serve(service: Name, options: Options) -> None:
    async with AsyncExitStack() as stack:
        vault = Vault(cards_file(options))
        stack.callback(vault.close)
        by = await stack.enter_async_context(client())
        form = interface(options.interface, mended=options.variant == "gated")
        gateway = BankGateway(by, options.bank, vault.card_of)
        packing, deadline = timedelta(seconds=options.packing), timedelta(seconds=options.payment_deadline)
        mine = part(service, gateway=gateway, packing=packing, payment_deadline=deadline, form=form)
        runtime = await stack.enter_async_context(_opened(mine, options))
        if service == FRONT:
            await _front(runtime, vault, options)
        else:
            await _at_work(service, mine, runtime)


@asynccontextmanager
async def _opened(mine: Part, options: Options) -> AsyncIterator[Runtime]:
    workers = mine.workers or False
    async with Runtime.open(
        mine.app, options.store, broker=options.broker, workers=workers, session=SESSION
    ) as runtime:
        yield runtime


def cards_file(options: Options) -> Path:
    """The file of the cards. Raises BadInput where none was given and there is no file for it to be beside."""
    if options.cards:
        return Path(options.cards)
    for address in (options.broker, options.store):
        if address.startswith(_FILE):
            return Path(address.removeprefix(_FILE)).with_name("cards.db")
    raise BadInput("there is no file beside which the cards could be kept: give one as `cards`")


async def _front(runtime: Runtime, vault: Vault, options: Options) -> None:
    clicks = Clicks(runtime)
    pages = shop_ui(runtime, vault, clicks, options.others)
    app = Starlette(routes=[*contract_routes(runtime, vault), Mount("/", pages)])
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(clicks.run(), name="clicks")
        await serve(app, port=options.port, started=_say_address)
        telling.cancel()


def _say_address(address: Address) -> None:
    print(f"listening at {address.url}", flush=True)


async def _at_work(service: Name, mine: Part, runtime: Runtime) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    gc.freeze()
    async with asyncio.TaskGroup() as group:
        again = group.create_task(try_again(mine, runtime), name="redrive")
        print(f"at work: {service}", flush=True)
        await told.wait()
        again.cancel()


async def try_again(mine: Part, runtime: Runtime) -> None:
    """What rests of this service's work is tried again, now that it may be another version of it: part of deploying."""
    try:
        for count in await runtime.dead_letters.counts():
            if count.consumer in mine.workers and count.failed:
                await _redrive(runtime, Letters(count.consumer, count.topic))
    except HeadwaterError as error:  # they rest on, for an operator
        log.warning("dead letters were not tried again: %s", error)


async def _redrive(runtime: Runtime, which: Letters) -> None:
    async for step in runtime.dead_letters.redrive(which, waves=WAVES, rate=RATE, actor="deployment"):
        log.warning("%s: %d of %d dead letters redriven", which.consumer, step.done, step.total)
