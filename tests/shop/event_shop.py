"""The event-driven shop as real processes, with a bank beside them in the process of the test."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from headwater.http import serving
from headwater_shop.contract import PREFIX, Item
from headwater_shop.event_driven.services import NAMES, Name
from headwater_shop.event_services.seeding import stock
from headwater_shop.event_services.serving import Options, command

READY_WITHIN = 60.0
PRICE = Decimal("2.50")


@dataclass
class Bank:
    """A bank that keeps its ledger here. Idempotent by the payment's id; only a heron goes through."""

    taken: dict[str, Decimal] = field(default_factory=dict)
    calls: int = 0
    down: bool = False

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/charges", self._charge, methods=["POST"])])

    async def _charge(self, request: Request) -> JSONResponse:
        self.calls += 1
        if self.down:
            return JSONResponse({}, 503)
        asked = await request.json()
        if asked.get("card", "heron") != "heron":
            return JSONResponse({"accepted": False, "reason": "this card has expired"})
        self.taken.setdefault(asked["payment_id"], Decimal(asked["amount"]))
        return JSONResponse({"accepted": True, "reference": f"ref-{asked['payment_id']}"})


class EventShop:
    """The five processes. A service that is started again may get other options."""

    def __init__(self, folder: Path, options: Options, bank: Bank, client: httpx.AsyncClient) -> None:
        self.folder = folder
        self.options = options
        self.bank = bank
        self.client = client
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.logs: dict[str, IO[str]] = {}
        self.url = ""

    def begin(self, name: Name, **changed: Any) -> None:
        log = open(self.folder / f"{name}.log", "a")  # noqa: SIM115 - closed when the shop ends
        self.logs.setdefault(name, log)
        options = replace(self.options, **changed)
        self.processes[name] = subprocess.Popen(command(name, options), stdout=subprocess.PIPE, stderr=log, text=True)
        if log is not self.logs[name]:
            log.close()

    async def ready(self, name: Name) -> None:
        line = await asyncio.wait_for(asyncio.to_thread(self.line, name), READY_WITHIN)
        assert line, (self.folder / f"{name}.log").read_text()
        if name == "ui":
            self.url = line.split()[-1]
            self.options = replace(self.options, port=int(self.url.rpartition(":")[2]))

    def line(self, name: Name) -> str:
        out = self.processes[name].stdout
        assert out is not None
        return out.readline()

    async def start(self, *names: Name, **changed: Any) -> None:
        for name in names:
            self.begin(name, **changed)
        for name in names:
            await self.ready(name)

    def kill(self, name: Name) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self._ended(name)

    def stop(self, name: Name) -> None:
        self.processes[name].send_signal(signal.SIGTERM)
        assert self._ended(name) == 0

    def _ended(self, name: str) -> int:
        process = self.processes.pop(name)
        code = process.wait(20)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def end(self) -> dict[str, int]:
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        codes = {name: self._ended(name) for name in list(self.processes)}
        for log in self.logs.values():
            log.close()
        return codes

    # -- what is asked of it

    async def put(self, order_id: str, code: str = "mug", quantity: int = 1, **more: Any) -> httpx.Response:
        lines = [{"stock_code": code, "name": "Mug", "quantity": quantity, "unit_price": str(PRICE)}]
        wanted = {"customer_id": "ada", "customer_name": "Ada", "address": {"city": "York"}, "lines": lines, **more}
        return await self.client.put(f"{self.url}{PREFIX}/orders/{order_id}", json=wanted)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(f"{self.url}{PREFIX}/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, order_id: str) -> str:
        return str((await self.get(f"orders/{order_id}"))["status"])

    async def until(self, orders: Sequence[str], wanted: Sequence[str], seconds: float = 30.0) -> dict[str, str]:
        """How these orders stand, once all are as wanted."""
        left, found = set(orders), dict[str, str]()

        async def look() -> bool:
            for order_id in sorted(left):
                found[order_id] = await self.status(order_id)
                if found[order_id] not in wanted:
                    return False
                left.discard(order_id)
            return True

        await eventually(look, seconds, lambda: f"{len(left)} are not yet {wanted}: {found}")
        return found


async def eventually(holds: Callable[[], Any], seconds: float, say: Callable[[], str]) -> None:
    """Wait until that holds."""
    give_up = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < give_up, say()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def event_shop(
    folder: Path, *, mugs: int = 10_000, extra: Sequence[Item] = (), **options: Any
) -> AsyncIterator[EventShop]:
    """A shop at work, with mugs and hats to sell."""
    store = options.pop("store", f"sqlite:///{folder}/shop.db")
    broker = options.pop("broker", f"sqlite:///{folder}/topics.db")
    bank = Bank()
    items = [Item("mug", "Blue mug", "Mugs", PRICE, mugs), Item("hat", "Red hat", "Hats", PRICE, 10_000), *extra]
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(bank.app()))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
        await stock(store, broker, items)
        shop = EventShop(folder, Options(store, broker, bank=address.url, **options), bank, client)
        stack.callback(shop.end)
        await shop.start(*NAMES)
        yield shop
