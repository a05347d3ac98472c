"""The laboratory's pure parts: who comes, what is planned, what is judged, what is reckoned."""

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import TOY

from headwater_shop.architecture import Architecture, Service
from headwater_shop.contract import Checkout, Item
from headwater_shop.lab import arrivals, plan, recording, results
from headwater_shop.lab.arrivals import Burst, Market
from headwater_shop.lab.ledger import Verdict, judge
from headwater_shop.lab.plan import FULL, QUICK
from headwater_shop.lab.raw import (
    Browse,
    Charged,
    Happened,
    Line,
    Ordered,
    Redeployed,
    Run,
    Settled,
    Stale,
    Stock,
    Talked,
    Used,
)

RUN = Run("r", "traditional", "F1", "shop", 1, 7, 10.0, 5.0, 5.0, 2.0, 4.0, 0.01, "2026-01-01", "a machine")
ITEMS = [Item(f"code {n}", f"Blue Thing {n}", "Things", Decimal("1.10"), 100) for n in range(8)]
MARKET = Market(ITEMS[1:], ITEMS[0], ["ada", "bob"])


def test_as_many_come_as_the_rate_says() -> None:
    at = arrivals.times(random.Random(1), 50, 100)
    assert at == sorted(at)
    assert 4600 < len(at) < 5400
    assert at == arrivals.times(random.Random(1), 50, 100)


def test_in_a_burst_more_come() -> None:
    at = arrivals.times(random.Random(1), 10, 30, Burst(10, 20, 10))
    inside = sum(10 <= each < 20 for each in at)
    assert at == sorted(at)
    assert 850 < inside < 1150
    assert 140 < len(at) - inside < 260


def test_orders_are_of_distinct_products_at_todays_price() -> None:
    orders = arrivals.orders(random.Random(1), [0.1 * n for n in range(300)], MARKET, "o")
    for each in orders:
        wanted = msgspec.json.decode(each.body, type=Checkout)
        assert {line.stock_code: line.quantity for line in wanted.lines} == each.pieces
        assert sum(Decimal("1.10") * line.quantity for line in wanted.lines) == each.amount
        assert each.probe == ("code 0" in each.pieces)
        assert wanted.customer_id in MARKET.customers
    assert {len(each.pieces) for each in orders} == {1, 2, 3}
    assert 10 < sum(each.probe for each in orders) < 60
    assert len({each.order_id for each in orders}) == 300


def test_looks_have_addresses_that_can_be_asked_for() -> None:
    looks = arrivals.looks(random.Random(1), [0.1] * 200, MARKET)
    assert all(each.path.isascii() and " " not in each.path for each in looks)
    assert len({each.path.split("?")[0] for each in looks}) > 5


def test_the_same_seed_gives_the_same_plan() -> None:
    first, again = (plan.plan([TOY], plan.FAULTS, FULL, repetitions=3, seed=5) for _ in range(2))
    assert first == again
    assert first != plan.plan([TOY], plan.FAULTS, FULL, repetitions=3, seed=6)


def test_the_quick_plan_starts_each_once_and_changes_its_interface_last() -> None:
    other = replace(TOY, name="soa")
    sessions = plan.plan([TOY, other], plan.FAULTS, QUICK, repetitions=1, seed=5)
    assert sorted(each.architecture.title for each in sessions) == ["soa", "traditional"]
    for session in sessions:
        assert sorted(each.fault for each in session.runs) == list(plan.FAULTS)
        assert session.runs[-1].fault == "F3"


def test_the_full_plan_is_fresh_and_does_everything() -> None:
    services = (Service("ui"), Service("orders"))
    two = Architecture("event_driven", "naive", services, "ui", "orders", "orders", ("ui",), "broker")
    sessions = plan.plan([two], plan.FAULTS, FULL, repetitions=3, seed=5)
    runs = [run for session in sessions for run in session.runs]
    assert all(len(session.runs) == 1 for session in sessions)
    assert len({run.id for run in runs}) == len(runs) == 3 * (1 + 2 + 2 + 6 + 2 + 1)
    assert {run.variation for run in runs if run.fault == "F4"} == {"store", "broker"}
    alone = replace(two, consumers=())
    assert plan.variations(two, "F3", everything=True)[0] == plan.variations(two, "F3", everything=False)[0]
    assert len(plan.variations(alone, "F3", everything=True)) == 3


def test_the_quick_plan_takes_ten_minutes_at_most() -> None:
    sessions = plan.plan([TOY] * 7, plan.FAULTS, QUICK, repetitions=1, seed=5)
    assert plan.seconds(sessions, QUICK) <= 600


# -- the judge

GOOD: tuple[Line, ...] = (
    Ordered("a", 0.1, 0.1, 201, "5.00", pieces={"mug": 2}),
    Ordered("b", 0.2, 0.1, 202, "2.50", pieces={"mug": 1}),
    Ordered("c", 0.3, 0.1, 409, "2.50", pieces={"mug": 1}),
    Settled("a", "dispatched", 0.2),
    Settled("b", "dispatched", 0.9),
    Settled("c", "", None),
    Charged("a", "a-1", "5.00"),
    Charged("b", "b-1", "2.50"),
    Stock("mug", 10, 7, 0),
)


def judged(*lines: Line) -> Verdict:
    """What is wrong once these lines are added, those of the same kind and order in their place."""

    def key(line: Line) -> tuple[object, ...]:
        return type(line), getattr(line, "payment_id", getattr(line, "order_id", ""))

    return judge([*(each for each in GOOD if key(each) not in set(map(key, lines))), *lines])


def test_where_all_is_well_nothing_is_wrong() -> None:
    assert judge(GOOD) == Verdict()
    assert judge(GOOD).clean


def test_an_accepted_order_without_an_end_is_lost() -> None:
    assert judged(Settled("b", "", None)).lost == ("b",)
    assert judged(Settled("b", "placed", None)).lost == ("b",)
    assert judged(Settled("b", "dispatched", 0.9), Settled("b", "", None)).lost == ("b",)
    assert judged(Settled("c", "placed", None)).lost == ()


def test_money_taken_twice_is_doubled() -> None:
    assert judged(Charged("a", "a-2", "5.00")).doubled == ("a",)
    assert judged(Charged("a", "a-2", "5.00"), Charged("a", "a-2r", "-5.00")).clean


def test_money_for_nothing_is_seen() -> None:
    assert judged(Charged("c", "c-1", "2.50")).charged_without_order == ("c",)
    assert judged(Charged("x", "x-1", "2.50")).charged_without_order == ("x",)
    assert judged(Settled("a", "cancelled", 0.5)).charged_without_order == ("a",)
    assert judged(Settled("a", "cancelled", 0.5), Charged("a", "a-r", "-5.00")).clean


def test_goods_for_nothing_are_seen() -> None:
    assert judged(Charged("a", "a-1", "4.99")).unpaid == ("a",)


def test_two_ends_contradict_each_other() -> None:
    assert judged(Settled("a", "dispatched", 0.2), Settled("a", "cancelled", 0.9)).contradicted == ("a",)


@pytest.mark.parametrize("stock", [Stock("mug", 10, -1, 0), Stock("mug", 10, 7, -1), Stock("mug", 2, 2, 0)])
def test_more_than_there_was_is_oversold(stock: Stock) -> None:
    assert judge([*GOOD[:-1], stock]).oversold == ("mug",)


# -- results


def test_the_figures_of_a_run() -> None:
    found = results.result(
        [
            RUN,
            Ordered("a", 1.0, 0.1, 201, "5.00"),
            Ordered("b", 2.0, 0.3, 202, "5.00"),
            Ordered("c", 3.0, 3.0, 0, "5.00"),
            Ordered("d", 9.0, 0.2, 202, "5.00"),
            Ordered("p", 9.0, 0.2, 409, "5.00", probe=True),
            *(Charged(id, id, "5.00") for id in "abd"),
            Settled("a", "dispatched", 1.1),
            Settled("b", "dispatched", 4.5),
            Settled("c", "", None),
            Settled("d", "dispatched", 11.5),
            Browse(1.0, 0.1, 200),
            Browse(2.0, 0.1, 500),
            Stale(1.0, 0.0),
            Stale(2.0, 0.5),
            Used(0.0, "shop", 5.0, 100),
            Used(1.0, "shop", 6.0, 300),
            Used(2.0, "shop", 0.5, 200),
            Used(2.0, "bank", 50.0, 10_000),
            Redeployed(("shop",), "because"),
        ]
    )
    assert found.verdict.clean
    assert found.asked == 4
    assert (found.accepted, found.accepted_during) == (75, 50)
    assert found.completed == (25, 75, 75)
    assert (found.accept_p50, found.accept_p99) == (0.2, 0.3)
    assert (found.complete_p50, found.complete_p99) == (2.5, 2.5)
    assert (found.browsed, found.browsed_during) == (50, 0)
    assert found.drained == 1.5
    assert (found.stale_p50, found.stale_p99) == (0.0, 0.5)
    assert (found.cpu, found.cpu_per_1000, found.memory) == (1.5, 500, 300)
    assert (found.redeployed, found.refused) == (("shop",), "because")


def test_what_was_not_measured_is_none() -> None:
    found = results.result([RUN])
    assert (found.accepted, found.complete_p50, found.browsed, found.cpu_per_1000) == (None, None, None, None)
    with pytest.raises(ValueError, match="what was run"):
        results.result([])


def test_confidence_is_students() -> None:
    found = results.estimate([98.0, 100.0, 99.0, None])
    assert found is not None
    assert (found.mean, found.n) == (99.0, 3)
    assert found.low == pytest.approx(99 - 4.303 / 3**0.5)
    assert found.high == pytest.approx(99 + 4.303 / 3**0.5)
    assert results.estimate([5.0]) == results.Estimate(5.0, None, None, 1)
    assert results.estimate([None]) is None


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values_and_splits_them(values: list[float], of: float) -> None:
    found = results.quantile(values, of)
    assert found in values
    assert sum(each <= found for each in values) >= of * len(values) - 1e-9


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lines: list[Line] = [RUN, *GOOD, Browse(1, 2, 3), Talked("a", "b", "topic", 1, 2), Happened(0.1, "killed", "x")]
    file = recording.write(tmp_path / "new", "r", lines)
    assert recording.read(file) == lines
    assert recording.read_all(tmp_path / "new") == [lines]
