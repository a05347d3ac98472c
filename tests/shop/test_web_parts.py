"""The small parts of the pages: words, charts, cookies, forms, timelines."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_shop.domain.bounds import within_bounds
from headwater_shop.domain.cart import AddItem
from headwater_shop.domain.shared import ORDER_ID, Line
from headwater_shop.event_driven.views import OrderSummary
from headwater_shop.web import charts, timeline, words
from headwater_shop.web.browsing import page_numbers
from headwater_shop.web.checkout import check
from headwater_shop.web.forms import whole
from headwater_shop.web.session import Shopper, order_number

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
amounts = st.decimals(-(10**9), 10**9, places=2)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "£0.00"), ("1234567.5", "£1,234,567.50"), ("-3.1", "−£3.10"), ("0.005", "£0.00"), ("-0.00", "£0.00")],
)
def test_money_is_written(amount: str, shown: str) -> None:
    assert words.gbp(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("999", "£999"), ("1500", "£1.5k"), ("40000", "£40k"), ("2000000", "£2m"), ("-9", "−£9")],
)
def test_money_on_an_axis(amount: str, shown: str) -> None:
    assert words.gbp_short(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("SET OF 3 CAKE TINS PANTRY DESIGN ", "Set of 3 Cake Tins Pantry Design"),
        ('BOX, 6"', 'Box, 6"'),
        ("Teacup and Saucer", "Teacup and Saucer"),
        ("", ""),
        ("12345", "12345"),
    ],
)
def test_names_become_titles(name: str, shown: str) -> None:
    assert words.title(name) == shown


@given(st.text())
def test_titles_only_change_case_and_spaces(name: str) -> None:
    shown = words.title(name)
    assert shown.split() == shown.split(" ") or not shown
    assert len(shown.split()) == len(name.split())


@given(st.lists(amounts, max_size=30))
def test_a_chart_has_a_column_for_each_amount_within_its_frame(values: list[Decimal]) -> None:
    drawn = charts.columns([charts.Bar(f"<{n}>", value) for n, value in enumerate(values)], "a & b")
    assert drawn.count("<rect") == len(values)
    assert "a &amp; b" in drawn
    assert "<0>" not in drawn
    for top, height in re.findall(r'<rect x="[\d.]+" y="([\d.-]+)" width="[\d.]+" height="([\d.]+)"', drawn):
        assert float(top) >= charts.TOP - 0.1
        assert float(top) + float(height) <= charts.HEIGHT - charts.BOTTOM + 1.1


@given(st.decimals("0.01", 10**12, places=2))
def test_the_axis_reaches_the_amount_but_not_twice(amount: Decimal) -> None:
    assert amount <= charts.scale(amount) <= amount * 2


@given(st.integers(1, 60), st.integers(1, 60))
def test_pages_offered_are_in_order_with_ends_and_neighbours(page: int, pages: int) -> None:
    page = min(page, pages)
    numbers = page_numbers(page, pages)
    shown = [number for number in numbers if number]
    assert shown == sorted(set(shown))
    assert {1, page, pages} <= set(shown)
    assert len(numbers) <= 7
    for before, after in pairwise(shown):
        assert after == before + 1 or 0 in numbers


@given(st.text())
def test_numbers_of_people_stay_within_bounds(text: str) -> None:
    assert 0 <= whole(text, 3, 0, 10) <= 10


def test_a_shopper_is_always_the_same_and_never_another() -> None:
    ada, ben = Shopper("a" * 32), Shopper("b" * 32)
    assert ada.cart_id == Shopper("a" * 32).cart_id != ben.cart_id
    assert ada.after_checkout().cart_id != ada.cart_id
    assert ada.after_checkout().customer_id == ada.customer_id
    assert ada.owns_form(ada.form_token)
    assert not ada.owns_form(ben.form_token)
    everything = [ada.customer_id, ada.cart_id, ada.form_token, order_number(ada.cart_id)]
    assert len(set(everything)) == 4
    assert not any(ada.token in each for each in everything)


@given(st.text())
def test_order_numbers_are_such_as_the_rules_want(cart_id: str) -> None:
    assert ORDER_ID.fullmatch(order_number(cart_id))


@pytest.mark.parametrize("email", ["ada@example.org", "a+b@c.de", "ü@ö.example"])
def test_addresses_that_may_be_right_are_taken(email: str) -> None:
    assert "email" not in check({"email": email})


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.org", "a b@c.de", "ada@org", "ada@."])
def test_addresses_that_cannot_be_right_are_not(email: str) -> None:
    assert "email" in check({"email": email})


def test_an_empty_form_is_told_field_by_field() -> None:
    assert set(check({})) == {"name", "email", "street", "city", "postcode", "country", "card"}


def test_the_timeline_tells_what_is_under_way() -> None:
    def states(**fields: object) -> list[tuple[str, str]]:
        return [(step.name, step.state) for step in timeline.steps(OrderSummary("o", **fields))]  # type: ignore[arg-type]

    assert states() == [("Placed", "now"), ("Paid", "ahead"), ("Dispatched", "ahead")]
    assert states(placed_at=AT, status="payment_due")[1] == ("Paying", "now")
    assert states(placed_at=AT, paid_at=AT, status="paid")[1:] == [("Paid", "done"), ("Packing", "now")]
    assert states(placed_at=AT, status="payment_failed")[1] == ("Payment declined", "failed")
    assert states(placed_at=AT, status="cancelled")[1] == ("Cancelled", "failed")
    assert states(status="imported") == []


@pytest.mark.parametrize("price", ["NaN", "-Infinity", "sNaN", "1E+16", "1E-16", "1E+999999"])
def test_amounts_that_nothing_can_add_up_are_out_of_bounds(price: str) -> None:
    assert not within_bounds(AddItem("c", "x", "X", Decimal(price), 1, AT))
    assert not within_bounds((Line("x", "X", 1, Decimal(price)),))


@pytest.mark.parametrize("quantity", [10**15 + 1, -(10**15) - 1, 2**63])
def test_quantities_that_nothing_can_store_are_out_of_bounds(quantity: int) -> None:
    assert not within_bounds(Line("x", "X", quantity, Decimal(1)))


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:00+00:00"])
def test_times_at_the_ends_of_time_are_out_of_bounds(moment: str) -> None:
    assert not within_bounds(AddItem("c", "x", "X", Decimal(1), 1, datetime.fromisoformat(moment)))


@given(st.decimals(-(10**12), 10**12, places=6), st.integers(-(10**15), 10**15))
def test_usual_amounts_are_within_bounds(price: Decimal, quantity: int) -> None:
    assert within_bounds(Line("x", "X", quantity, price))
