"""A shop in one of its architectures, with all its processes, as a test speaks to it: by the contract alone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headwater_shop.architecture import BANK, Architecture
from headwater_shop.contract import PREFIX, Item
from headwater_shop.launching import Launch, Setting, launched

T = TypeVar("T")

PRICE = Decimal("2.50")
ITEMS = (
    Item("mug", "Blue mug", "Mugs", PRICE, 500),
    Item("jar", "Red jar with 100% lid", "Jars", Decimal("10.05"), 500),
    Item("last", "The last lamp", "Lamps", PRICE, 3),
    Item("few", "A rare clock", "Clocks", PRICE, 2),
    Item("a/b", "Slashed tile", "Other", PRICE, 5),
)
WITHIN = 20.0
ENDED = ("dispatched", "cancelled", "payment_failed")


@dataclass
class Shop:
    """The running shop; `run` has something done by the loop that launched it."""

    architecture: Architecture
    launch: Launch
    client: httpx.Client
    runner: asyncio.Runner

    @property
    def naive(self) -> bool:
        return self.architecture.title == "point_to_point/naive"

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, f"{self.launch.front}{PREFIX}/{path}", json=body)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, order_id: str, *lines: tuple[str, int, str], **more: Any) -> httpx.Response:
        """Ask for an order of so many of those codes at those prices."""
        return self.ask("PUT", f"orders/{order_id}", wanted(*lines, **more))

    def outcome(self, order_id: str, answer: httpx.Response) -> str:
        """How an order ends that was answered so: dispatched, payment_failed, or refused."""
        if answer.status_code == 202:
            return self.ends(order_id)
        if answer.status_code == 409:
            assert self.ask("GET", f"orders/{order_id}").status_code == 404, "nothing is to be kept"
            return "refused"
        assert answer.status_code in (201, 402), answer.text
        found = self.get(f"orders/{order_id}")
        assert (found["status"] == "payment_failed") is (answer.status_code == 402)
        return self.ends(order_id)

    def ends(self, order_id: str) -> str:
        status = until(lambda: found if (found := self.get(f"orders/{order_id}")["status"]) in ENDED else "", order_id)
        return "refused" if status == "cancelled" else status

    def available(self, code: str, count: int) -> None:
        """So many are there, or soon will be."""
        until(lambda: self.get(f"products/{code}")["available"] == count, f"{count} of {code}")

    def bank(self, **behaviour: Any) -> None:
        self.client.put(f"{self.launch.url(BANK)}/behaviour", json=behaviour).raise_for_status()

    def charged(self, order_id: str) -> list[tuple[str, Decimal]]:
        """The money that moved for an order, by payment."""
        ledger = self.client.get(f"{self.launch.url(BANK)}/ledger").json()
        return [(each["payment_id"], Decimal(each["amount"])) for each in ledger if each["order_id"] == order_id]

    def start(self, name: str, **options: Any) -> None:
        self.runner.run(self.launch.start(name, **options))

    def deploy(self, name: str, interface: str) -> None:
        self.runner.run(self.launch.stop(name))
        self.start(name, interface=interface)


def wanted(*lines: tuple[str, int, str], **more: Any) -> dict[str, Any]:
    """A checkout."""
    wanted = [{"stock_code": c, "name": c.title(), "quantity": q, "unit_price": p} for c, q, p in lines]
    return {"customer_id": "ada", "customer_name": "Ada", "address": {"city": "York"}, "lines": wanted, **more}


def until(look: Callable[[], T], what: str, seconds: float = WITHIN) -> T:
    """What `look` says, once it says something."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < limit, f"not in time: {what}"
        time.sleep(0.02)
    return found


@contextmanager
def running_shop(architecture: Architecture, folder: Path, **setting: Any) -> Iterator[Shop]:
    """That shop, new, until the block ends."""
    with asyncio.Runner() as runner, httpx.Client(timeout=30, trust_env=False) as client:
        starting = launched(architecture, folder, setting=Setting(items=ITEMS, **setting))
        launch = runner.run(starting.__aenter__())
        try:
            yield Shop(architecture, launch, client, runner)
        finally:
            runner.run(starting.__aexit__(None, None, None))
