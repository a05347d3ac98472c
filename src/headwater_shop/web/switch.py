"""Which way this shop is built, and where the shops are that are built in the other ways."""

import re
from collections.abc import Mapping
from typing import Final, get_args
from urllib.parse import quote

import msgspec

from headwater_shop.architecture import Name
from headwater_shop.web.session import COOKIE

EVENT_DRIVEN: Final = "event_driven"

LABELS: Final[dict[Name, str]] = {
    "event_driven": "event-driven",
    "traditional": "traditional",
    "soa": "service-oriented",
    "microservices": "microservices",
    "point_to_point": "point to point",
}
_SAYS: Final[dict[Name, str]] = {
    "event_driven": "every order is an event, and everything follows from events.",
    "traditional": "one application, one database, one transaction for an order.",
    "soa": "two applications behind a bus that routes and orchestrates.",
    "microservices": "services that own their data and call each other.",
    "point_to_point": "services wired one by one, each calling the next and waiting.",
}
_SHARED: Final = re.compile(r"/|/search|/products/.+")
"""Pages that every shop has alike: whoever switches there stays on the page."""


class Choice(msgspec.Struct, frozen=True):
    """An entry of the menu. Where the shop is not running there is no address, but the command that starts it."""

    label: str
    says: str
    address: str = ""
    current: bool = False
    command: str = ""


class Switch(msgspec.Struct, frozen=True):
    """The architecture of this shop by its title, such as `soa` or `point_to_point/naive`, and the addresses of others
    that are running, by theirs."""

    architecture: str = EVENT_DRIVEN
    others: Mapping[str, str] = {}

    @property
    def cookie(self) -> str:
        """The name of the shoppers' cookie. One for each architecture: browsers do not tell ports of a host apart, and
        each shop keeps carts of its own."""
        name = re.sub(r"[^a-z_]", "-", self.architecture.lower())
        return COOKIE if name.startswith(EVENT_DRIVEN) else f"{COOKIE}-{name}"

    @property
    def label(self) -> str:
        """What this shop is built as."""
        return label(self.architecture)

    @property
    def says(self) -> str:
        """The architecture in a sentence."""
        return _says(self.architecture)

    def choices(self, path: str = "/", query: str = "") -> list[Choice]:
        """The menu for whoever is on that page: each architecture, in each variant that is running."""
        where = "/"
        if _SHARED.fullmatch(path):
            where = f"{quote(path)}?{query}" if query else quote(path)
        return [choice for name in get_args(Name) for choice in self._of(name, where)]

    def _of(self, name: str, where: str) -> list[Choice]:
        running = [title for title in {self.architecture: "", **self.others} if title.partition("/")[0] == name]
        if not running:
            return [Choice(label(name), _says(name), command=f"headwater shop --architecture {name}")]
        return [self._running(title, where) for title in running]

    def _running(self, title: str, where: str) -> Choice:
        if title == self.architecture:
            return Choice(label(title), _says(title), current=True)
        return Choice(label(title), _says(title), address=self.others[title].rstrip("/") + where)

    def event_driven(self) -> str:
        """The address of an event-driven shop; '' where none is running."""
        return next((url for title, url in self.others.items() if title.partition("/")[0] == EVENT_DRIVEN), "")


def label(title: str) -> str:
    """A title for people: `point_to_point/naive` is "point to point, naive"."""
    name, _, variant = title.partition("/")
    shown = next((text for known, text in LABELS.items() if known == name), name)
    return f"{shown}, {variant}" if variant else shown


def _says(title: str) -> str:
    name = title.partition("/")[0]
    return next((text for known, text in _SAYS.items() if known == name), "")
