"""What a transactions file is made of."""

from datetime import datetime
from typing import NamedTuple

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


class Row(NamedTuple):
    """One line of the file, as written: eight strings in the order of the header."""

    invoice_no: str
    stock_code: str
    description: str
    quantity: str
    invoice_date: str
    unit_price: str
    customer_id: str
    country: str


class Buyer(NamedTuple):
    """Who an invoice is for; the web shop's buyers have no customer id."""

    customer_id: str
    country: str


class Line(NamedTuple):
    """One line of an invoice; the price is in pence."""

    stock_code: str
    description: str
    quantity: int
    pence: int


class Invoice(NamedTuple):
    """An invoice before it has a number: its prefix is empty for a sale, C for a return, A for a write-off."""

    when: datetime
    prefix: str
    buyer: Buyer
    lines: list[Line]

    def rows(self, number: int) -> list[Row]:
        """Write the invoice out under `number`."""
        head, when = f"{self.prefix}{number}", self.when.isoformat(" ", "seconds")
        customer = f"{self.buyer.customer_id}.0" if self.buyer.customer_id else ""
        return [
            Row(head, code, text, str(quantity), when, price(pence), customer, self.buyer.country)
            for code, text, quantity, pence in self.lines
        ]


def price(pence: int) -> str:
    """Write pounds as the real data does: 2.55, 2.1, 0.0."""
    sign, pence = ("-", -pence) if pence < 0 else ("", pence)
    text = f"{sign}{pence // 100}.{pence % 100:02d}"
    return text[:-1] if text.endswith("0") else text
