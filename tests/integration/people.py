"""A small application with personal fields: what is private of a person bears marks that can be looked for."""

from typing import Annotated, Any

import msgspec

from headwater import App, Decider, Personal, SqlView, Subject, View, command, event


class Address(msgspec.Struct, frozen=True):
    street: Annotated[str, Personal()]
    country: str


@event("person.registered")
class Registered:
    person: Annotated[str, Subject()]
    name: Annotated[str, Personal()]
    email: Annotated[str | None, Personal()]
    address: Address


@event("person.paid")
class Paid:
    person: str
    pence: int


PersonEvent = Registered | Paid


@command("person.register")
class Register:
    person: str
    name: str
    email: str | None
    street: str
    country: str = "GB"


@command("person.pay")
class Pay:
    person: str
    pence: int


class State(msgspec.Struct, frozen=True):
    name: str = ""
    paid: int = 0


def decide(wanted: Register | Pay, state: State) -> list[PersonEvent]:
    if isinstance(wanted, Pay):
        return [Paid(wanted.person, wanted.pence)]
    return [Registered(wanted.person, wanted.name, wanted.email, Address(wanted.street, wanted.country))]


def evolve(state: State, happened: PersonEvent) -> State:
    if isinstance(happened, Paid):
        return State(state.name, state.paid + happened.pence)
    return State(happened.name, state.paid)


class Contact(msgspec.Struct, frozen=True):
    person: str
    name: str = ""
    email: str | None = None
    street: str = ""
    paid: int = 0


def contact(row: Contact, happened: PersonEvent) -> Contact:
    if isinstance(happened, Paid):
        return msgspec.structs.replace(row, paid=row.paid + happened.pence)
    return msgspec.structs.replace(row, name=happened.name, email=happened.email, street=happened.address.street)


class Total(msgspec.Struct, frozen=True):
    all: str
    pence: int = 0


def total(row: Total, happened: Paid) -> Total:
    return Total(row.all, row.pence + happened.pence)


def mailing(happened: Registered) -> list[tuple[str, tuple[Any, ...]]]:
    return [("INSERT INTO {mailing} (email, name) VALUES (?, ?)", (happened.email, happened.name))]


def person_of(happened: Any) -> str:
    name: str = happened.person
    return name


people = Decider("person", State, decide, evolve, stream=lambda wanted: wanted.person)
contacts = View("contacts", person_of, Contact, contact, index=["email"])
inline_contacts = View("contacts_now", person_of, Contact, contact, inline=True)
totals = View("totals", lambda _: "all", Total, total)
mailings = SqlView("mailings", {"mailing": "email TEXT, name TEXT"}, mailing)
app = App("people", deciders=[people], views=[contacts, inline_contacts, totals, mailings])


def register(person: str, mark: str = "") -> Register:
    """Whose private data all hold the mark."""
    return Register(person, f"Name {mark}", f"{mark}@example.org", f"{mark} Street")


smaller = App("people", deciders=[people], views=[mailings])
