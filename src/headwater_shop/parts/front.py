"""The front door of a shop: the contract, and the pages on it."""

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from headwater_shop.parts.bench import Bench
from headwater_shop.parts.outer import front_routes
from headwater_shop.parts.ports import Deals, People, Shelf


def front(bench: Bench, title: str, shelf: Shelf, people: People, deals: Deals) -> list[BaseRoute]:
    """The contract's addresses, and beside them the pages, which ask the same contract without going over the net.
    `title` is that of the architecture, such as `point_to_point/naive`."""
    # Here, since only a front needs them: whoever starts as another service would take a quarter longer.
    from headwater_shop.web import OnContract, contract_ui
    from headwater_shop.web.contract_client import ContractClient

    contract = front_routes(title.partition("/")[0], shelf, people, deals)
    transport = httpx.ASGITransport(Starlette(routes=contract))
    asking = bench.closed_in_the_end(httpx.AsyncClient(transport=transport, base_url="http://front"))
    pages = contract_ui(OnContract(ContractClient(asking)), title, bench.given.others)
    return [*contract, Mount("/", pages)]
