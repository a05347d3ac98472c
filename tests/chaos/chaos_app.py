"""The application of the chaos test: numbers for each key, from the store through a relay and from producers directly,
noted by consumers in a ledger that shows what came, in which order."""

import random

from headwater import App, Consumer, Topic, consumer, event
from headwater.fold import Statement

FAILURES = 0.05  # share of attempts
LEDGER = "place INTEGER PRIMARY KEY, k TEXT NOT NULL, n INTEGER NOT NULL"
NOTE = "INSERT INTO {{{0}}} (k, n) VALUES (?, ?)"


@event("chaos.recorded")
class Recorded:
    key: str
    n: int


@event("chaos.sent")
class Sent:
    key: str
    n: int


def _failing() -> None:
    if random.random() < FAILURES:
        raise RuntimeError("as it happens")


def note_recorded(happened: Recorded) -> list[Statement]:
    _failing()
    return [(NOTE.format("recorded_ledger"), (happened.key, happened.n))]


async def note_sent(happened: Sent) -> list[Statement]:
    _failing()
    return [(NOTE.format("sent_ledger"), (happened.key, happened.n))]


def _consumer(topic: str, do: object) -> Consumer[object]:
    tables = {f"{topic}_ledger": LEDGER}
    return consumer(topic, f"{topic}_ledger_keeper", tables=tables, attempts=None)(do)  # type: ignore[arg-type]


def app_of(replicas: int) -> App:
    return App(
        "chaos",
        topics=[
            Topic("recorded", events=(Recorded,), partitions=3, replicas=replicas),
            Topic("sent", partitions=3, replicas=replicas),
        ],
        consumers=[_consumer("recorded", note_recorded), _consumer("sent", note_sent)],
    )


CONSUMERS = ("recorded_ledger_keeper", "sent_ledger_keeper")
RELAY = "recorded"
