"""An application with a past: what it recorded over the years, and what it knows today."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headwater import App, Consumer, Decider, NewEvent, Reaction, Record, Rejected, SqlView, Topic, View, command, event
from headwater.fold import Statement
from headwater.messages import Kind, query
from headwater.upcasting import Data, renamed, retired, split, upcast, with_default


@event("parcel.sent", version=3)
class Sent:
    parcel: str
    to: str
    grams: int


@event("parcel.delivered")
class Delivered:
    parcel: str


@event("parcel.signed")
class Signed:
    parcel: str
    by: str


@event("parcel.thanked")
class Thanked:
    parcel: str


@command("parcel.send")
class SendIt:
    parcel: str
    to: str
    grams: int = 1


@command("parcel.thank")
class Thank:
    parcel: str


@command("parcel.send_few")
class SendFew:
    """No more than two to one person."""

    parcel: str
    to: str


def handed_over(data: Data) -> list[tuple[Kind, Data]]:
    parcel = data["parcel"]
    return [
        (Kind("parcel.delivered", 1), {"parcel": parcel}),
        (Kind("parcel.signed", 1), {"parcel": parcel, "by": data["by"]}),
    ]


HISTORY = [
    upcast("parcel.sent", 1, renamed("receiver", "to")),
    upcast("parcel.sent", 2, with_default("grams", 100)),
    upcast("post.parcel_sent", 1, to=Kind("parcel.sent", 1)),
    split("parcel.handed_over", 1, into=[Kind("parcel.delivered", 1), Kind("parcel.signed", 1)], change=handed_over),
    retired("parcel.weighed", 1),
]

PAST = {
    "parcel-1": [
        NewEvent("post.parcel_sent", b'{"parcel":"1","receiver":"Ann"}', tags=("Ann",)),
        NewEvent("parcel.weighed", b'{"parcel":"1","kilos":2}'),
        NewEvent("parcel.handed_over", b'{"parcel":"1","by":"Bob"}'),
    ],
    "parcel-2": [NewEvent("parcel.sent", b'{"parcel":"2","receiver":"Ann"}', tags=("Ann",))],
    "parcel-3": [
        NewEvent("parcel.sent", b'{"parcel":"3","to":"Cid"}', 2),
        NewEvent("parcel.delivered", b'{"parcel":"3"}'),
    ],
}

ParcelEvent = Sent | Delivered | Signed | Thanked


class Parcel(msgspec.Struct, frozen=True):
    """A decider's state, and a view's row."""

    parcel: str = ""
    to: str = ""
    grams: int = 0
    delivered: int = 0
    by: str = ""
    thanked: int = 0


def evolve(parcel: Parcel, happened: ParcelEvent) -> Parcel:
    match happened:
        case Sent():
            return Parcel(happened.parcel, happened.to, happened.grams)
        case Delivered():
            return msgspec.structs.replace(parcel, delivered=parcel.delivered + 1)
        case Signed():
            return msgspec.structs.replace(parcel, by=happened.by)
        case Thanked():
            return msgspec.structs.replace(parcel, thanked=parcel.thanked + 1)


def decide(wanted: SendIt | Thank, parcel: Parcel) -> Sequence[ParcelEvent]:
    if isinstance(wanted, Thank):
        return [Thanked(wanted.parcel)] if parcel.by else []
    if parcel.to:
        raise Rejected(f"it went to {parcel.to}")
    return [Sent(wanted.parcel, wanted.to, wanted.grams)]


parcels = Decider("parcel", Parcel, decide, evolve, stream=lambda wanted: wanted.parcel, tags=lambda _: ())


def count(sent: int, happened: Sent) -> int:
    return sent + 1


def decide_few(wanted: SendFew, sent: int) -> Sequence[Sent]:
    if sent >= 2:
        raise Rejected("that is enough")
    return [Sent(wanted.parcel, wanted.to, 1)]


few = Decider(
    "few", int, decide_few, count, stream=lambda wanted: wanted.parcel, tags=lambda sent: (sent.to,),
    query=lambda wanted: query(tags=(wanted.to,)),
)  # fmt: skip

table = View("parcels", key=lambda happened: happened.parcel, initial=Parcel, evolve=evolve)


def note(happened: Signed) -> list[Statement]:
    return [("INSERT INTO {signatures} VALUES (?, ?)", (happened.parcel, happened.by))]


signatures = SqlView("signatures", {"signatures": "parcel TEXT, signer TEXT"}, note)


def thank(happened: Signed) -> list[Thank]:
    return [Thank(happened.parcel)]


def app_of(**more: Any) -> App:
    return App("post", **{"deciders": [parcels, few], "views": [table, signatures], "upcasters": HISTORY, **more})


TOPIC = Topic("parcels", events=(Sent, Delivered, Signed), partitions=1)


def keep(record: Record) -> list[Statement]:
    headers = record.headers
    values = record.offset, record.id, headers["ce-type"], int(headers["ce-typeversion"]), record.value.decode()
    return [("INSERT INTO {seen} VALUES (?, ?, ?, ?, ?)", values)]


def counting(happened: Signed | Delivered) -> list[Statement]:
    return [("INSERT INTO {told} VALUES (?, ?)", (happened.parcel, type(happened).__name__))]


KEEPING = Consumer(
    "parcels",
    "keeping",
    keep,
    tables={"seen": "place INTEGER PRIMARY KEY, id TEXT, type TEXT, version INTEGER, value TEXT"},
)
COUNTING = Consumer("parcels", "counting", counting, tables={"told": "parcel TEXT, what TEXT"})
THANKING = Reaction("thanks", thank)
