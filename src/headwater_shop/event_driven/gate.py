"""The gate before a deployment: what a changed interface of the orders service breaks for those who read it now.

It compares what the orders service would tell, and what the payments service would read, with a snapshot of what both
do today; the laboratory asks it for the `gated` variant, as a pipeline would with `headwater schema check`.
"""

from collections.abc import Sequence
from typing import Any, Final

from headwater import App, Reaction, Topic
from headwater.schemas.gate import Finding, check
from headwater.schemas.modes import Mode
from headwater.schemas.snapshot import Compatibility, Snapshot
from headwater.schemas.taking import taken
from headwater_shop.event_driven.interfaces import Interface, Name, interface

COMPATIBILITY: Final = Compatibility(published=Mode.BACKWARD_TRANSITIVE)
"""Whoever reads is to read all that was ever told. That a reader of before reads the next version is not asked: what it
does not know it lets rest, and takes up when it does."""


def ask(name: Name, *, mended: bool = False) -> Sequence[Finding]:
    """What a deployment of that interface breaks; nothing: it may be deployed."""
    present = Snapshot(compatibility=COMPATIBILITY, apps={"shop": taken(_app(interface("")))})
    return check(_app(interface(name, mended=mended)), present)


def refusal(found: Sequence[Finding]) -> str:
    """Why a deployment is refused, in a line; '' where it is not."""
    return "; ".join(f"{each.message} ({', '.join(each.consumers)}): {each.mend}" for each in found)


def _app(today: Interface) -> App:
    """Both ends of the interface, as an application."""

    def request_payment(_event: Any) -> Sequence[object]:
        return ()

    request_payment.__annotations__["_event"] = today.reads
    topic = Topic("orders", events=(today.reads,))
    return App(
        "shop", topics=(topic,), reactions=(Reaction("request_payment", request_payment),), upcasters=today.upcasters
    )
