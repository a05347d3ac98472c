"""Raw data of a run, one JSON object a line: all that results are reckoned from, kept beside the report.

Times are seconds from the beginning of the run's load, by one monotonic clock.
"""

from typing import Literal

import msgspec

Fault = Literal["F0", "F1", "F2", "F3", "F4", "F5"]


class Run(msgspec.Struct, frozen=True, tag=True):
    """The first line: what was run. `fault_from` and `fault_to` are None for F0; `variation` tells kinds of a fault
    apart (which service was killed; how the interface changed, and who came first)."""

    id: str
    architecture: str
    fault: Fault
    variation: str
    repetition: int
    seed: int
    load_seconds: float
    orders_per_second: float
    browses_per_second: float
    fault_from: float | None
    fault_to: float | None
    time_scale: float
    """Lab seconds that stand for a minute of the shop's, divided by 60: 1.0 is real time."""
    began: str
    machine: str


class Browse(msgspec.Struct, frozen=True, tag=True):
    """A page looked at: when it was meant to begin, how long from then to the answer, and the answer (0: none)."""

    intended: float
    seconds: float
    status: int


class Ordered(msgspec.Struct, frozen=True, tag=True):
    """A checkout. `status` is the HTTP answer (0: none). A 202 is no success by itself: see Settled. `pieces` is what
    was ordered, by stock code. A `probe` asks for what there is too little of: it tells of overselling, and does not
    count where it is asked how many orders went well."""

    order_id: str
    intended: float
    seconds: float
    status: int
    amount: str
    attempts: int = 1
    pieces: dict[str, int] = {}
    probe: bool = False


class Settled(msgspec.Struct, frozen=True, tag=True):
    """How an order that was asked for stands at the end, as the shop tells, and when it was first seen so; `at` is None
    where it never came to a final state; `order` is '' where the shop knows of none, '?' where it gave no answer. A
    second line of an order tells that it stood otherwise when it was looked at once more."""

    order_id: str
    order: str
    at: float | None


class Charged(msgspec.Struct, frozen=True, tag=True):
    """The bank's ledger: money that moved, negative when it was given back."""

    order_id: str
    payment_id: str
    amount: str


class Stock(msgspec.Struct, frozen=True, tag=True):
    """A product's stock at the end, and what it was at the beginning."""

    stock_code: str
    began: int
    on_hand: int
    reserved: int


class Stale(msgspec.Struct, frozen=True, tag=True):
    """How long after its checkout was answered an order could first be read (seconds)."""

    intended: float
    seconds: float


class Used(msgspec.Struct, frozen=True, tag=True):
    """What a service had used by a moment: CPU seconds since its start, resident memory in bytes."""

    at: float
    service: str
    cpu: float
    memory: int


class Talked(msgspec.Struct, frozen=True, tag=True):
    """What went from one to the other during the run: requests, and bytes both ways; or records. `by` is how. The store
    and a topic are ends of their own, called `store` and `topic NAME`."""

    caller: str
    callee: str
    by: Literal["http", "topic", "store"]
    times: int
    bytes: int


class Happened(msgspec.Struct, frozen=True, tag=True):
    """Something that the lab did or saw: a kill, a start, a deployment, a refusal by the gate."""

    at: float
    what: str
    service: str = ""


class Redeployed(msgspec.Struct, frozen=True, tag=True):
    """F3: services that had to be deployed anew for the change to work everywhere; or why it was refused before."""

    services: tuple[str, ...]
    refused: str = ""


Line = Run | Browse | Ordered | Settled | Charged | Stock | Stale | Used | Talked | Happened | Redeployed
