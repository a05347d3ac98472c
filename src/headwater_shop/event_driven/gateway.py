"""The payment gateway as a port: what the shop asks of whoever really takes the money."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec


class GatewayDown(Exception):
    """The gateway gave no answer: nobody knows whether the money was taken. Ask again with the same id."""


class Receipt(msgspec.Struct, frozen=True):
    """The gateway's answer. `reference` is its own name for the transaction, empty where it was declined."""

    accepted: bool
    at: datetime
    reference: str = ""
    reason: str = ""


class PaymentGateway(Protocol):
    """Takes money and gives it back. Both are idempotent by id: asked again, it answers as it did at first."""

    async def charge(self, payment_id: str, amount: Decimal) -> Receipt:
        """Take the amount. Raises GatewayDown."""

    async def refund(self, refund_id: str, payment_id: str, amount: Decimal) -> Receipt:
        """Give back an amount of what that payment took. Raises GatewayDown."""
