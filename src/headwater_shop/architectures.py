"""The shop's architectures: seven, as two of the five come in two variants."""

from typing import Final

from headwater.errors import UnknownType
from headwater_shop.architecture import BANK, Architecture, Service
from headwater_shop.event_driven import services as event_driven

_POINT_TO_POINT: Final = (
    Service("product"),
    Service("order"),
    Service("customer"),
    Service("checkout", calls=("customer", "product", "order", BANK)),
    Service("gui", calls=("product", "order", "customer", "checkout"), database=False),
    Service("ui", calls=("gui",), database=False),
)

TRADITIONAL: Final = Architecture(
    "traditional", "", (Service("shop", calls=(BANK,)),),
    front="shop", checkout="shop", producer="shop", consumers=(), keeper="shop",
    says="One application over one database: what belongs together is one transaction.",
)  # fmt: skip
SOA: Final = Architecture(
    "soa", "",
    (
        Service("products"),
        Service("orders"),
        Service("bus", calls=("products", "orders", BANK), database=False),
        Service("ui", calls=("bus",), database=False),
    ),
    front="ui", checkout="bus", producer="products", consumers=("bus",), keeper="orders",
    says="An orders and a products application behind a bus, which the pages' logic calls.",
)  # fmt: skip
MICROSERVICES: Final = Architecture(
    "microservices", "",
    (
        Service("products"),
        Service("customers"),
        Service("orders", calls=("products", BANK)),
        Service("ui", calls=("products", "customers", "orders"), database=False),
    ),
    front="ui", checkout="orders", producer="products", consumers=("orders", "ui"), keeper="orders",
    says="Orders, products and customers, each a process with its own database.",
)  # fmt: skip
NAIVE: Final = Architecture(
    "point_to_point", "naive", _POINT_TO_POINT,
    front="ui", checkout="checkout", producer="product", consumers=("checkout", "gui"), keeper="order",
    says="Six services that call each other synchronously, as one writes it at first.",
)  # fmt: skip
HARDENED: Final = Architecture(
    "point_to_point", "hardened", _POINT_TO_POINT,
    front="ui", checkout="checkout", producer="product", consumers=("checkout", "gui"), keeper="order",
    says="The same six, with time-outs, retries within a budget, breakers, and what was left half done is finished.",
)  # fmt: skip
EVENTS_NAIVE: Final = Architecture(
    "event_driven", "naive", event_driven.services(),
    front=event_driven.FRONT, checkout="payments", producer=event_driven.PRODUCER, consumers=event_driven.CONSUMERS,
    keeper="store",
    says="Services that record events and react to those of others through topics; deployed as they come.",
)  # fmt: skip
EVENTS_GATED: Final = Architecture(
    "event_driven", "gated", event_driven.services(),
    front=event_driven.FRONT, checkout="payments", producer=event_driven.PRODUCER, consumers=event_driven.CONSUMERS,
    keeper="store",
    says="The same, with a schema gate before each deployment.",
)  # fmt: skip

ARCHITECTURES: Final[tuple[Architecture, ...]] = (
    TRADITIONAL,
    SOA,
    MICROSERVICES,
    NAIVE,
    HARDENED,
    EVENTS_NAIVE,
    EVENTS_GATED,
)


def architecture_of(name: str, variant: str = "") -> Architecture:
    """The architecture of that name, in that variant or else the one that is better built. Raises UnknownType."""
    found = {each.variant: each for each in ARCHITECTURES if each.name == name}
    if not found:
        raise UnknownType("architecture", name, tuple(dict.fromkeys(each.name for each in ARCHITECTURES)))
    if variant and variant not in found:
        raise UnknownType(f"variant of {name}", variant, tuple(each for each in found if each) or ("none",))
    return found[variant or list(found)[-1]]
