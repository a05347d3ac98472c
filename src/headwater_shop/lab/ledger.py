"""An independent judge: what was lost, doubled or oversold, by the raw lines of a run alone.

It knows nothing of how the shop is built. It compares what shoppers were answered, what the shop says of every order at
the end, what the bank has booked, and what is left on the shelves.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from headwater_shop.contract import FINAL
from headwater_shop.lab.raw import Charged, Line, Ordered, Settled, Stock

ACCEPTED: Final = (201, 202)


@dataclass(frozen=True)
class Verdict:
    """Order ids, and stock codes, that something is wrong with.

    `lost`: answered with 201 or 202, and at last unknown to the shop or without an end. `doubled`: more money was taken
    than the order costs. `charged_without_order`: money was kept for what the shop does not know of, has cancelled, or
    never accepted and never brought to an end. `unpaid`: dispatched, and the bank does not have the money.
    `contradicted`: two different ends. `oversold`: products of which more left the house, or is promised, than there
    was.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    charged_without_order: tuple[str, ...] = ()
    unpaid: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    oversold: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(
            (self.lost, self.doubled, self.charged_without_order, self.unpaid, self.contradicted, self.oversold)
        )


def judge(lines: Iterable[Line]) -> Verdict:
    """What is wrong, in a run's raw lines."""
    asked: dict[str, Ordered] = {}
    ends: defaultdict[str, list[Settled]] = defaultdict(list)
    stock: dict[str, Stock] = {}
    charged: list[Charged] = []
    for line in lines:
        match line:
            case Ordered():
                asked[line.order_id] = line
            case Settled():
                ends[line.order_id].append(line)
            case Stock():
                stock[line.stock_code] = line
            case Charged():
                charged.append(line)
    net = _net(charged)
    return Verdict(
        lost=tuple(id for id, order in asked.items() if order.status in ACCEPTED and not _ended(ends[id])),
        doubled=tuple(id for id, amount in net.items() if id in asked and amount > Decimal(asked[id].amount)),
        charged_without_order=tuple(
            id for id, amount in net.items() if amount > 0 and _for_nothing(asked.get(id), ends[id])
        ),
        unpaid=tuple(id for id, order in asked.items() if _sent(ends[id]) and net[id] < Decimal(order.amount)),
        contradicted=tuple(id for id, all_ in ends.items() if len({each.order for each in all_ if _final(each)}) > 1),
        oversold=_oversold(stock, _sold(asked, ends)),
    )


def _net(charged: Iterable[Charged]) -> defaultdict[str, Decimal]:
    """What the bank keeps of each order."""
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in charged:
        net[each.order_id] += Decimal(each.amount)
    return net


def _final(end: Settled) -> bool:
    return end.order in FINAL


def _ended(ends: Sequence[Settled]) -> bool:
    return bool(ends) and _final(ends[-1])


def _sent(ends: Sequence[Settled]) -> bool:
    return any(each.order == "dispatched" for each in ends)


def _for_nothing(asked: Ordered | None, ends: Sequence[Settled]) -> bool:
    """Whether money that is kept for this order is kept without a right: what was accepted and has no end is lost, and
    counts there."""
    if _sent(ends):
        return False
    cancelled_or_unknown = all(each.order in ("cancelled", "") for each in ends)
    return cancelled_or_unknown or asked is None or asked.status not in ACCEPTED


def _sold(asked: Mapping[str, Ordered], ends: Mapping[str, Sequence[Settled]]) -> Counter[str]:
    """The pieces that left the house, by product."""
    sold: Counter[str] = Counter()
    for id, order in asked.items():
        if _sent(ends.get(id, ())):
            sold.update(order.pieces)
    return sold


def _oversold(stock: Mapping[str, Stock], sold: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        code
        for code, each in stock.items()
        if each.on_hand < 0 or each.reserved < 0 or each.reserved > each.on_hand or sold.get(code, 0) > each.began
    )
