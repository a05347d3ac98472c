"""`python -m headwater_shop.service ARCHITECTURE NAME --port=… --database=… --peer=NAME=URL …`: a service as a process.

The event-driven shop's services have an entrance of their own: `headwater_shop.event_services`.
"""

import argparse
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from headwater.http import Address, run, serve
from headwater_shop import bank
from headwater_shop.architecture import BANK
from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.microservices import orders as microservices_orders
from headwater_shop.microservices import ui as microservices_ui
from headwater_shop.parts.bench import Bench, Given, bench
from headwater_shop.parts.forms import FORMS
from headwater_shop.parts.parent import end_with_parent
from headwater_shop.parts.registering import make_customers
from headwater_shop.parts.stocking import make_products
from headwater_shop.point_to_point import checkout as point_to_point_checkout
from headwater_shop.point_to_point import gui as point_to_point_gui
from headwater_shop.point_to_point import order as point_to_point_order
from headwater_shop.point_to_point import ui as point_to_point_ui
from headwater_shop.soa import bus as soa_bus
from headwater_shop.soa import orders as soa_orders
from headwater_shop.soa import ui as soa_ui
from headwater_shop.traditional import shop as traditional_shop

Make = Callable[[Bench], Awaitable[list[BaseRoute]]]

SERVICES: Final[Mapping[str, Mapping[str, Make]]] = {
    BANK: {BANK: bank.make},
    "traditional": {"shop": traditional_shop.make},
    "soa": {"ui": soa_ui.make, "bus": soa_bus.make, "orders": soa_orders.make, "products": make_products},
    "microservices": {
        "ui": microservices_ui.make,
        "orders": microservices_orders.make,
        "products": make_products,
        "customers": make_customers,
    },
    "point_to_point": {
        "ui": point_to_point_ui.make,
        "gui": point_to_point_gui.make,
        "product": make_products,
        "order": point_to_point_order.make,
        "customer": make_customers,
        "checkout": point_to_point_checkout.make,
    },
}


def command(architecture: str, service: str, port: int, given: Given) -> Sequence[str]:
    """The command line of a service."""
    said = {
        "port": str(port), "database": given.database, "interface": given.interface, "manner": given.manner,
        "packing": str(given.packing), "payment-deadline": str(given.payment_deadline),
    }  # fmt: skip
    pairs = [f"--{name}={value}" for name, value in said.items() if value]
    pairs += [f"--peer={name}={url}" for name, url in given.peers.items()]
    pairs += [f"--other={title}={url}" for title, url in given.others.items()]
    return [sys.executable, "-m", "headwater_shop.service", architecture, service, *pairs]


def main() -> None:
    """Read the command line, and be that service until Ctrl-C, SIGTERM, or the end of the parent process."""
    parser = argparse.ArgumentParser(prog="headwater_shop.service", description="A service of the shop.")
    parser.add_argument("architecture", choices=SERVICES)
    parser.add_argument("service")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--database", default="")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--other", action="append", default=[], metavar="TITLE=URL")
    parser.add_argument("--manner", choices=("naive", "hardened"), default="hardened")
    parser.add_argument("--interface", choices=FORMS, default="")
    parser.add_argument("--packing", type=float, default=0.0)
    parser.add_argument("--payment-deadline", type=float, default=PAYMENT_DEADLINE.total_seconds())
    said = parser.parse_args()
    made = SERVICES[said.architecture]
    if said.service not in made:
        parser.error(f"{said.architecture} has {', '.join(made)}, not {said.service!r}")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    end_with_parent()
    given = Given(
        _pairs(said.peer), said.database, said.interface, said.manner, said.packing, said.payment_deadline,
        _pairs(said.other),
    )  # fmt: skip
    run(_serve(made[said.service], given, said.port))


def _pairs(texts: Sequence[str]) -> Mapping[str, str]:
    pairs: dict[str, Any] = {}
    for text in texts:
        name, _, url = text.partition("=")
        pairs[name] = url
    return pairs


async def _serve(make: Make, given: Given, port: int) -> None:
    async with bench(given) as made:
        await serve(Starlette(routes=await make(made)), port=port, started=_tell)


def _tell(address: Address) -> None:
    print(f"listening at {address.url}", flush=True)


if __name__ == "__main__":
    main()
