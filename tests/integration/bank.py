"""A small bank for the runtime's tests: accounts, transfers between two of them, and a fold of its own to check by."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from headwater import App, Decider, Envelope, NewEvent, Rejected, SqlView, View, Write, command, event
from headwater.adapters.postgres import inline as postgres_inline
from headwater.adapters.sqlite import inline
from headwater.store.port import EventStore
from headwater.views import runner


@event("account.opened")
class Opened:
    account: str
    owner: str


@event("account.deposited")
class Deposited:
    account: str
    pence: int


@event("account.sent")
class Sent:
    account: str
    to: str
    pence: int


@event("account.closed")
class Closed:
    account: str


@command("account.open")
class Open:
    account: str
    owner: str


@command("account.deposit")
class Deposit:
    account: str
    pence: int


@command("account.send")
class Send:
    account: str
    to: str
    pence: int


@command("account.close")
class Close:
    account: str


@command("account.stray")
class Stray:
    """A command that nobody decides."""

    account: str


BankEvent = Opened | Deposited | Sent | Closed


class Account(msgspec.Struct, frozen=True):
    """A decider's state, and a view's row. `events` counts what was folded in: applied twice, it shows."""

    account: str
    owner: str | None = None
    pence: int = 0
    events: int = 0


def decide(wanted: Open | Deposit | Send | Close, account: Account) -> list[BankEvent]:
    match wanted:
        case Open(name, owner):
            return [] if account.owner == owner else [Opened(name, owner)]
        case Deposit(name, pence):
            return [Deposited(name, pence)]
        case Send(name, to, pence):
            if account.pence < pence:
                raise Rejected(f"{name} has only {account.pence}p", code="too_little", pence=account.pence)
            return [Sent(name, to, pence)]
        case Close(name):
            return [Closed(name)]


def evolve(account: Account, happened: BankEvent) -> Account:
    """An account's own stream."""
    count = account.events + 1
    match happened:
        case Opened(name, owner):
            return Account(name, owner, account.pence, count)
        case Deposited(name, pence):
            return Account(name, account.owner, account.pence + pence, count)
        case Sent(name, _, pence):
            return Account(name, account.owner, account.pence - pence, count)
        case Closed(name):
            return Account(name, None, 0, count)


def concerned(happened: BankEvent) -> str | tuple[str, ...]:
    """The accounts that an event changes: two, for money sent."""
    return (happened.account, happened.to) if isinstance(happened, Sent) else happened.account


def apply(row: Account, happened: BankEvent) -> Account | None:
    """One account's row, which also sees the money that others send; closing deletes it."""
    if isinstance(happened, Closed):
        return None
    if isinstance(happened, Sent):
        change = happened.pence * ((row.account == happened.to) - (row.account == happened.account))
        return Account(row.account, row.owner, row.pence + change, row.events + 1)
    return evolve(row, happened)


def balances_view(name: str = "balances", *, version: int = 1, inline: bool = False) -> View[Account, BankEvent]:
    """The view of all accounts."""
    return View(name, concerned, Account, apply, version, index=["owner"], inline=inline)


def tally_of(happened: Deposited) -> list[tuple[str, tuple[Any, ...]]]:
    return [("INSERT INTO {tally} VALUES (?, ?)", (happened.account, happened.pence))]


tally = SqlView("tally", {"tally": "account TEXT NOT NULL, pence INTEGER NOT NULL"}, tally_of)
"""One row for each deposit: applied twice, it is there twice."""

accounts = Decider("account", lambda: Account(""), decide, evolve, stream=lambda wanted: wanted.account)
balances = balances_view()
inline_balances = balances_view("inline_balances", inline=True)
bank = App("bank", deciders=[accounts], views=[balances])


def folded(events: Iterable[Envelope]) -> dict[str, tuple[str | None, int, int]]:
    """What the rows of `balances` must be: (owner, pence, events) by account, from plain JSON and dicts."""
    rows: dict[str, tuple[str | None, int, int]] = {}
    for envelope in events:
        data: dict[str, Any] = json.loads(envelope.data)
        for account in dict.fromkeys([data["account"], data.get("to", data["account"])]):
            owner, pence, count = rows.get(account, (None, 0, 0))
            if envelope.type == "account.closed":
                rows.pop(account, None)
                continue
            if envelope.type == "account.deposited" or account == data.get("to"):
                pence += data["pence"]
            if envelope.type == "account.sent" and account == data["account"]:
                pence -= data["pence"]
            rows[account] = (data.get("owner", owner), pence, count + 1)
    return rows


async def expected(store: EventStore) -> dict[str, tuple[str | None, int, int]]:
    """The fold of everything in a store."""
    events: list[Envelope] = []
    while (page := await store.read(after=events[-1].position if events else 0)).events:
        events += page.events
    return folded(events)


def as_rows(found: Iterable[Account]) -> dict[str, tuple[str | None, int, int]]:
    """Rows of the view in the form of `folded`."""
    return {row.account: (row.owner, row.pence, row.events) for row in found}


async def record(store: EventStore, *events: BankEvent) -> int:
    """Append events as they are, each to its account's stream; the last position."""
    streams: dict[str, list[NewEvent]] = {}
    for happened in events:
        streams.setdefault(f"account-{happened.account}", []).append(bank.events.encode(happened))
    return (await store.append(*[Write(stream, new) for stream, new in streams.items()])).last


def small_batches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Have views fold so many events at a time."""
    monkeypatch.setattr(runner.Projecting.advance, "__defaults__", (size,))
    for module in (runner, inline, postgres_inline):
        monkeypatch.setattr(module, "BATCH", size)
