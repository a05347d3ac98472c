"""A customer: who they are and where their parcels go."""

from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Address, Moment, require

# Events


@event("customer.registered")
class CustomerRegistered:
    customer_id: str
    name: str
    email: str
    address: Address
    at: Moment


@event("customer.details_changed", version=2)
class DetailsChanged:
    customer_id: str
    name: str
    email: str
    at: Moment


@event("customer.address_changed")
class AddressChanged:
    customer_id: str
    address: Address
    at: Moment


CustomerEvent = CustomerRegistered | DetailsChanged | AddressChanged

# State


class Customer(msgspec.Struct, frozen=True):
    """What the rules need to know of a customer."""

    registered: bool = False
    name: str = ""
    email: str = ""
    address: Address = Address()


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    match event:
        case CustomerRegistered():
            return Customer(True, event.name, event.email, event.address)
        case DetailsChanged():
            return replace(customer, name=event.name, email=event.email)
        case AddressChanged():
            return replace(customer, address=event.address)
        case _:
            assert_never(event)


# Commands


@command("customer.register")
class RegisterCustomer:
    customer_id: str
    name: str
    email: str
    at: Moment
    address: Address = Address()


@command("customer.change_details")
class ChangeDetails:
    customer_id: str
    name: str
    email: str
    at: Moment


@command("customer.change_address")
class ChangeAddress:
    customer_id: str
    address: Address
    at: Moment


CustomerCommand = RegisterCustomer | ChangeDetails | ChangeAddress

# Decide


def decide(command: CustomerCommand, customer: Customer) -> Sequence[CustomerEvent]:
    match command:
        case RegisterCustomer():
            require(not customer.registered, "already_registered", "this customer is registered already")
            _require_details(command.name, command.email)
            return (CustomerRegistered(command.customer_id, command.name, command.email, command.address, command.at),)
        case ChangeDetails():
            _require_registered(customer)
            _require_details(command.name, command.email)
            if (command.name, command.email) == (customer.name, customer.email):
                return ()
            return (DetailsChanged(command.customer_id, command.name, command.email, command.at),)
        case ChangeAddress():
            _require_registered(customer)
            if command.address == customer.address:
                return ()
            return (AddressChanged(command.customer_id, command.address, command.at),)
        case _:
            assert_never(command)


def _require_registered(customer: Customer) -> None:
    require(customer.registered, "not_registered", "this customer is not registered")


def _require_details(name: str, email: str) -> None:
    require(bool(name.strip()), "name_missing", "a customer needs a name")
    local, at, host = email.partition("@")
    require(bool(local and at and host), "email_malformed", f"{email[:80]!r} is no e-mail address")


# Decider

customers = Decider(
    "customer", initial=Customer, decide=bounded(decide), evolve=evolve, stream=lambda command: command.customer_id
)
