"""What the shop has recorded over the years, and what that is today. Stores of any of its years open with this."""

from collections.abc import Iterable
from typing import Any, Final

from headwater.messages import Kind
from headwater.upcasting import Data, derived, retired, split, upcast

_CHANGED, _MOVED = Kind("customer.details_changed", 2), Kind("customer.address_changed", 1)


def _details_and_address(data: Data) -> Iterable[tuple[Kind, Data]]:
    """A change of name, e-mail and address was one event, whatever of it had changed."""
    address = data.pop("address", None)
    yield _CHANGED, data
    if address is not None:
        yield _MOVED, {"customer_id": data["customer_id"], "address": address, "at": data["at"]}


def _total(data: Data) -> Any:
    """An order's total was its `amount`, until its lines had amounts of their own. Version 1 was raised late: it is
    about with either name."""
    return data.pop("amount", data.get("total"))


def _country(data: Data) -> Any:
    """The sales report asked orders for their addresses, until a paid order told its country itself."""
    return data.get("country") or data.pop("address").get("country", "Unspecified")


HISTORY: Final = (
    upcast("order.placed", 1, derived("total", _total)),
    upcast("order.paid", 1, derived("total", _total), derived("country", _country)),
    split("customer.details_changed", 1, into=[_CHANGED, _MOVED], change=_details_and_address),
    # Products were "created" by the first catalogue, and had no pictures.
    upcast("product.created", 1, to=Kind("product.listed", 1)),
    # Carts noted who looked at them; nobody ever looked at that.
    retired("cart.viewed", 1),
)
