"""The kinds of invoice: sales, what comes back, and what the books need."""

import random
from datetime import datetime, timedelta

from . import figures
from .catalogue import quantile
from .draw import Shelf, at_work, is_open, weighted
from .rows import Buyer, Invoice, Line

_NOTES = ("damaged", "found", "?", "check", "thrown away", "counted", "wet", "missing", "lost in post", "display")
_FEES = (
    (30, "S", "SAMPLES", 280, 12856), (29, "M", "Manual", 41, 171585), (13, "D", "Discount", 576, 28100),
    (10, "AMAZONFEE", "AMAZON FEE", 10000, 250000), (7, "BANK CHARGES", "Bank Charges", 9538, 105015),
)  # fmt: skip
_NOBODY = Buyer("", figures.HOME)


def sale(rng: random.Random, shelf: Shelf, when: datetime, buyer: Buyer) -> Invoice:
    """Draw an order of goods, with the carriage and oddments that go with it."""
    spread = figures.LINES if buyer.customer_id else figures.ANONYMOUS_LINES
    count = max(1, round(quantile(spread, rng.random())))
    lines = []
    for item in shelf.pick(count):
        quantity, pence = _terms(rng, int(item.price * 100), bool(buyer.customer_id))
        lines.append(Line(item.stock_code, shelf.description(item), quantity, pence))
    return Invoice(when, "", buyer, lines + _extras(rng, buyer, len(lines)))


def sent_back(rng: random.Random, order: Invoice) -> Invoice:
    """Return some of an order's lines, wholly or in part, some days later."""
    count = min(len(order.lines), weighted(rng, figures.RETURN_LINES))
    lines = [
        line._replace(quantity=-(line.quantity if rng.random() < 0.5 else rng.randint(1, line.quantity)))
        for line in rng.sample(order.lines, count)
    ]
    return Invoice(_later(rng, order.when), "C", order.buyer, lines)


def fee(rng: random.Random, when: datetime, buyer: Buyer) -> Invoice:
    """Credit something that is no product: a discount to the customer, samples, or the bank's charges."""
    _, code, text, low, high = rng.choices(_FEES, [f[0] for f in _FEES])[0]
    pence = round(low * (high / low) ** rng.random())
    return Invoice(when, "C", buyer if code == "D" else _NOBODY, [Line(code, text, -1, pence)])


def stock_taking(rng: random.Random, shelf: Shelf, when: datetime) -> Invoice:
    """Correct the stock at no price: things found, broken or counted again."""
    lines = []
    for item in shelf.pick(weighted(rng, figures.ADJUSTMENT_LINES)):
        note = "" if rng.random() < figures.ADJUSTMENT_BLANK else rng.choice((*_NOTES, shelf.description(item)))
        size = round(1.0 * 170 ** rng.random())
        lines.append(Line(item.stock_code, note, -size if rng.random() < 0.4 else size, 0))
    return Invoice(when + timedelta(minutes=rng.randrange(60)), "", _NOBODY, lines)


def bad_debt(rng: random.Random, when: datetime) -> list[Invoice]:
    """Book a bad debt, take it back and write it off: three invoices, and the only prices below zero."""
    pence = rng.randint(*figures.BAD_DEBT_PENCE)
    lines = [Line("B", "Adjust bad debt", 1, amount) for amount in (pence, -pence, -pence)]
    return [Invoice(when + timedelta(minutes=i), "A", _NOBODY, [line]) for i, line in enumerate(lines)]


def _terms(rng: random.Random, pence: int, trade: bool) -> tuple[int, int]:
    """Draw a quantity, and the unit price that goes with it."""
    if not trade:
        return weighted(rng, figures.ANONYMOUS_QUANTITIES), round(pence * figures.WEB_PRICE)
    quantity = weighted(rng, next(weights for below, weights in figures.QUANTITIES if pence < below))
    many = quantity >= figures.TRADE_QUANTITY
    return quantity, round(pence * figures.TRADE_PRICE) if many else pence


def _extras(rng: random.Random, buyer: Buyer, lines: int) -> list[Line]:
    found = []
    if buyer.customer_id and buyer.country != figures.HOME and rng.random() < figures.POST_ABROAD:
        found.append(Line("POST", "POSTAGE", min(1 + lines // 12, 8), weighted(rng, figures.POST_PENCE)))
    if not buyer.customer_id and rng.random() < figures.DOT_ANONYMOUS:
        found.append(Line("DOT", "DOTCOM POSTAGE", 1, round(lines * rng.uniform(150, 350))))
    if rng.random() < figures.MANUAL:
        found.append(Line("M", "Manual", 1, rng.randint(19, 15000)))
    return found


def _later(rng: random.Random, when: datetime) -> datetime:
    day = (when + timedelta(rng.expovariate(1 / figures.RETURN_DAYS))).date()
    while not is_open(day):
        day += timedelta(1)
    return max(at_work(rng, day), when + timedelta(minutes=5))
