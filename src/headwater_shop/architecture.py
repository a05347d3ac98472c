"""What an architecture of the shop is made of: services, each a process, and who calls whom.

Plain data: the launcher starts it, the laboratory puts faults between its services and kills them, the report draws it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

BANK = "bank"
"""The payment gateway: outside the shop, the same in every architecture, with a ledger of its own."""

Name = Literal["traditional", "soa", "microservices", "point_to_point", "event_driven"]
Variant = Literal["", "naive", "hardened", "gated"]


@dataclass(frozen=True)
class Service:
    """A process. `calls` names the services whose addresses it is given; `database` says whether it has one of its own;
    `listens` whether it answers HTTP (a worker of the event-driven shop does not)."""

    name: str
    calls: tuple[str, ...] = ()
    database: bool = True
    listens: bool = True


@dataclass(frozen=True)
class Architecture:
    """The services, in the order in which they start; `front` answers the contract and carries the Shop UI.

    `checkout` is the service whose loss fault F1 is about, `producer` and `consumers` those of the interface that fault
    F3 changes, `keeper` the one that fault F4 kills: the broker or store, or whatever holds the orders.
    """

    name: Name
    variant: Variant
    services: tuple[Service, ...]
    front: str
    checkout: str
    producer: str
    consumers: tuple[str, ...]
    keeper: str
    says: str = ""

    @property
    def title(self) -> str:
        """Such as `point_to_point/naive`."""
        return f"{self.name}/{self.variant}" if self.variant else self.name


@dataclass(frozen=True)
class Placed:
    """A running service: its process, and its own address (not that of a proxy before it)."""

    service: Service
    pid: int
    url: str = ""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
