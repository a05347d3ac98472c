"""The interface between the products service and those who call it, as it is today and as it might become: what the
laboratory changes while the shop runs.

`additive`: products tell a currency, too. `renamed`: the price of a product is called `unit_price`. `required`: whoever
reserves has to say why. A service that is deployed with a form speaks only that; who was deployed without knows only
today's.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from headwater.errors import MalformedData
from headwater_shop.contract import Found, Item
from headwater_shop.domain.shared import Line

Form = Literal["", "additive", "renamed", "required"]
FORMS: Final[tuple[Form, ...]] = ("", "additive", "renamed", "required")

REASON: Final = "a customer's order"


class _Reserve(msgspec.Struct):
    lines: tuple[Line, ...]
    reason: str = ""


class _Page(msgspec.Struct):
    items: list[dict[str, Any]]
    total: int
    page: int


def told(item: Item, form: Form) -> dict[str, Any]:
    """A product as the products service tells it."""
    data: dict[str, Any] = msgspec.to_builtins(item)
    if form == "additive":
        data["currency"] = "GBP"
    elif form == "renamed":
        data["unit_price"] = data.pop("price")
    return data


def told_page(found: Found, form: Form) -> dict[str, Any]:
    return {"items": [told(each, form) for each in found.items], "total": found.total, "page": found.page}


def read(data: dict[str, Any], form: Form) -> Item:
    """A product as a caller of that form reads it. Raises MalformedData where it does not know what it is told."""
    if form == "renamed":
        data = {**data, "price": data.get("unit_price")}
    try:
        return msgspec.convert(data, Item, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedData("a product of the products service", str(error)) from error


def read_items(body: bytes, form: Form) -> list[Item]:
    """Raises MalformedData."""
    try:
        items = msgspec.json.decode(body, type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise MalformedData("products of the products service", str(error)) from error
    return [read(each, form) for each in items]


def read_page(body: bytes, form: Form) -> Found:
    """Raises MalformedData."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except msgspec.DecodeError as error:
        raise MalformedData("a page of the products service", str(error)) from error
    return Found(tuple(read(each, form) for each in page.items), page.total, page.page)


def asking(lines: Sequence[Line], form: Form) -> bytes:
    """What a caller of that form says to reserve lines."""
    asked = {"lines": lines}
    return msgspec.json.encode(asked | {"reason": REASON} if form == "required" else asked)


def asked(body: bytes, form: Form) -> tuple[Line, ...]:
    """The lines that products are asked for. Raises MalformedData."""
    try:
        wanted = msgspec.json.decode(body, type=_Reserve)
    except msgspec.DecodeError as error:
        raise MalformedData("body", str(error)) from error
    if form == "required" and not wanted.reason:
        raise MalformedData("body", "Object missing required field `reason`")
    return wanted.lines
