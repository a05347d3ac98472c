"""A toy shop and a toy bank, each a process, that speak the contract as far as the laboratory asks. The shop forgets
its orders when it is killed, and has planted faults on request: `lose`, `double`, `oversell`, or several."""

import argparse
import asyncio
import ctypes
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from headwater.http import Address, run, serve
from headwater_shop.architecture import BANK, Architecture, Service
from headwater_shop.contract import PREFIX
from headwater_shop.lab.launch import Between

TOY = Architecture("traditional", "", (Service("shop", calls=(BANK,)),), "shop", "shop", "shop", ("shop",), "shop")
STARTS_WITHIN = 20.0
PIECES = 100


class Bank:
    def __init__(self) -> None:
        self.delay = 0.0
        self.room = asyncio.Semaphore(100)
        self.ledger: dict[str, dict[str, Any]] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/charges", self.charge, methods=["POST"]),
                Route("/ledger", self.show),
                Route("/behaviour", self.behave, methods=["PUT"]),
            ]
        )

    async def charge(self, request: Request) -> JSONResponse:
        asked = await request.json()
        async with self.room:
            await asyncio.sleep(self.delay)
        self.ledger.setdefault(asked["payment_id"], asked)
        return JSONResponse({"accepted": True, "reference": "r"})

    async def show(self, _request: Request) -> JSONResponse:
        return JSONResponse(list(self.ledger.values()))

    async def behave(self, request: Request) -> JSONResponse:
        asked = await request.json()
        self.delay, self.room = asked["delay"], asyncio.Semaphore(asked["capacity"])
        return JSONResponse(asked)


class Shop:
    def __init__(self, bank: str, bug: str, interface: str) -> None:
        self.bug, self.interface = bug, interface
        self.bank = httpx.AsyncClient(base_url=bank, timeout=10)
        self.available = {f"code-{n}": PIECES for n in range(12)}
        self.orders: dict[str, dict[str, Any]] = {}
        self.of: defaultdict[str, list[str]] = defaultdict(list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route(f"{PREFIX}/categories", self.categories),
                Route(f"{PREFIX}/products", self.search),
                Route(f"{PREFIX}/products/{{code}}", self.product),
                Route(f"{PREFIX}/customers/{{id}}", self.customer, methods=["PUT"]),
                Route(f"{PREFIX}/customers/{{id}}/orders", self.orders_of),
                Route(f"{PREFIX}/orders/{{id}}", self.put, methods=["PUT"]),
                Route(f"{PREFIX}/orders/{{id}}", self.get),
            ]
        )

    async def categories(self, _request: Request) -> JSONResponse:
        return JSONResponse([{"category": "Toys", "items": len(self.available), "stock_code": "code-0"}])

    def item(self, code: str) -> dict[str, Any]:
        return {
            "stock_code": code, "name": f"Toy {code}", "category": "Toys", "price": "2.50",
            "available": self.available[code],
        }  # fmt: skip

    async def search(self, _request: Request) -> JSONResponse:
        items = [self.item(code) for code in self.available]
        return JSONResponse({"items": items, "total": len(items), "page": 1})

    async def product(self, request: Request) -> JSONResponse:
        return JSONResponse(self.item(request.path_params["code"]))

    async def customer(self, request: Request) -> JSONResponse:
        return JSONResponse({"customer_id": request.path_params["id"], **await request.json()})

    async def orders_of(self, request: Request) -> JSONResponse:
        return JSONResponse([self.orders[id] for id in self.of[request.path_params["id"]]])

    async def get(self, request: Request) -> JSONResponse:
        order = self.orders.get(request.path_params["id"])
        return JSONResponse({}, 404) if order is None else JSONResponse(order)

    async def put(self, request: Request) -> JSONResponse:
        id, wanted = request.path_params["id"], await request.json()
        if self.interface == "renamed":
            return JSONResponse({"code": "broken"}, 502)
        short = any(line["quantity"] > self.available[line["stock_code"]] for line in wanted["lines"])
        if short and "oversell" not in self.bug:
            return JSONResponse({"code": "out_of_stock"}, 409)
        for line in wanted["lines"]:
            self.available[line["stock_code"]] -= line["quantity"]
        await self.pay(id, wanted)
        order = {
            "order_id": id, "customer_id": wanted["customer_id"], "customer_name": wanted["customer_name"],
            "status": "dispatched", "lines": wanted["lines"],
        }  # fmt: skip
        if "lose" not in self.bug or not id.endswith("3"):
            self.orders[id] = order
            self.of[wanted["customer_id"]].append(id)
        return JSONResponse(order, 201)

    async def pay(self, id: str, wanted: dict[str, Any]) -> None:
        pence = sum(round(float(line["unit_price"]) * 100) * line["quantity"] for line in wanted["lines"])
        times = 2 if "double" in self.bug and id.endswith("4") else 1
        for attempt in range(times):
            asked = {"payment_id": f"{id}-{attempt}", "order_id": id, "amount": f"{pence / 100:.2f}"}
            await self.bank.post("/charges", json=asked)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    for name in ("port", "bank", "bug", "interface"):
        parser.add_argument(f"--{name}", default="")
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    made = Bank() if asked.service == BANK else Shop(asked.bank, asked.bug, asked.interface)

    def say(address: Address) -> None:
        print(address.url, flush=True)

    run(serve(made.app(), port=int(asked.port or 0), started=say))


@dataclass
class ToyLaunch:
    """The bank and the shop, running."""

    bug: str
    between: Between
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    bank: str = ""

    @property
    def front(self) -> str:
        return self.urls["shop"]

    def url(self, name: str) -> str:
        return self.urls[name]

    def pid(self, name: str) -> int:
        return self.processes[name].pid

    def kill(self, name: str) -> None:
        self.processes[name].kill()

    async def stop(self, name: str) -> None:
        self.processes[name].terminate()
        async with asyncio.timeout(STARTS_WITHIN):
            await self.processes[name].wait()

    def file(self, keeper: str) -> Path | None:
        return None

    async def start(self, name: str, *, interface: str | None = None) -> None:
        port = self.urls[name].rpartition(":")[2] if name in self.urls else "0"
        given = {"port": port, "bank": self.bank, "bug": self.bug, "interface": interface or ""}
        arguments = [f"--{key}={value}" for key, value in given.items()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, name, *arguments, stdout=asyncio.subprocess.PIPE
        )
        self.processes[name] = process
        assert process.stdout is not None
        async with asyncio.timeout(STARTS_WITHIN):
            self.urls[name] = (await process.stdout.readline()).decode().strip()
        assert self.urls[name], f"{name} did not start"
        if name == BANK:
            self.bank = await self.between("shop", BANK, self.urls[BANK])

    async def end(self) -> None:
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


@dataclass(frozen=True)
class ToyLauncher:
    """Launches the toy, with a bug or without."""

    bug: str = ""

    @asynccontextmanager
    async def __call__(self, architecture: Architecture, folder: Path, *, between: Between) -> AsyncIterator[ToyLaunch]:
        launch = ToyLaunch(self.bug, between)
        try:
            await launch.start(BANK)
            await launch.start("shop")
            yield launch
        finally:
            await launch.end()


if __name__ == "__main__":
    main()
