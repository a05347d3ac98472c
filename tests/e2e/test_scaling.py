"""Several processes of the shop on one database: each order counts once, whoever took it."""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from real_shop import Shop, headwater, running

from headwater.testing.postgres import PostgresServer

ORDERS = 24
OPTIONS = ["--port", "0", "--payment-delay", "0", "--payment-failures", "0", "--packing", "0"]


def test_three_processes_share_a_database(
    postgres: PostgresServer, new_schema: Callable[[PostgresServer], str], tmp_path: Path
) -> None:
    store = new_schema(postgres)
    list_product(store)
    with ExitStack() as open_shops:
        opened = [open_shops.enter_context(running("--store", store, *OPTIONS, cwd=tmp_path)) for _ in range(3)]
        shops = [Shop(url, store) for url, _process in opened]
        for number in range(ORDERS):
            customer = {"customer_id": "c", "customer_name": "C", "address": {}}
            line = {"stock_code": "x", "name": "X", "quantity": 1, "unit_price": "1"}
            shops[number % 3].command("order.place", order_id=f"o-{number}", lines=[line], **customer)
        happened = wait_for(store, "order.dispatched", ORDERS)
    for type in ("order.placed", "order.paid", "order.dispatched"):
        assert happened[type] == ORDERS, happened


def list_product(store: str) -> None:
    """A shop opened once, so that the schema is there, with something to sell in it."""
    with running("--store", store, *OPTIONS, cwd=Path.cwd()) as (url, _process):
        product = {"stock_code": "x", "name": "X", "category": "", "price": "1", "on_hand": 1000}
        Shop(url, store).command("product.list", **product)


def wait_for(store: str, type: str, count: int) -> Counter[str]:
    """How many events of each type there are, once there are so many of that one for orders of this test."""
    give_up = time.monotonic() + 60
    while True:
        lines = headwater("store", "read", "--store", store, "--limit", "1000000", "--json").splitlines()
        events = [json.loads(line) for line in lines]
        found = Counter(event["type"] for event in events if event["subject"].startswith("order-o-"))
        if found[type] >= count:
            return found
        assert time.monotonic() < give_up, found
