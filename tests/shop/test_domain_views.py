"""The shop's views as folds: what each shows after which events."""

from datetime import UTC, datetime
from decimal import Decimal

from headwater.testing.specification import spec
from headwater_shop.domain import cart, customer, order_events, product
from headwater_shop.domain.invoice import AdjustmentImported, OrderImported, ReturnImported
from headwater_shop.domain.rejection import RowRejected
from headwater_shop.domain.shared import Address, Line
from headwater_shop.event_driven.views import (
    CartRow,
    CustomerRow,
    OrderSummary,
    ProductCard,
    RejectedRowRow,
    SalesDay,
    cart_view,
    customer_view,
    order_summary,
    product_card,
    rejected_row,
    sales_day,
)

AT = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
NEXT = datetime(2010, 12, 2, tzinfo=UTC)
PRICE = Decimal("2.50")
MUG, POST = Line("22633", "MUG", 2, PRICE), Line("POST", "POSTAGE", 1, Decimal(18))
HOME = Address("1 High Street", "York", "YO1", "France")
IMPORTED = OrderImported("536365", "17850", "France", (MUG, MUG, POST), Decimal(28), AT)
RETURNED = ReturnImported("C536366", "17850", "France", (Line("22633", "MUG", -1, PRICE),), Decimal("-2.50"), AT)
ADJUSTED = AdjustmentImported("536367", "", "France", (Line("22633", "lost", -5, Decimal(0)),), Decimal(0), AT)
PLACED = order_events.OrderPlaced("o1", "ada", "Ada", HOME, (MUG,), Decimal(5), AT)
PAID = order_events.OrderPaid("o1", "o1-1", "ada", "France", (MUG,), Decimal(5), NEXT)
SENT_BACK = order_events.OrderReturned("o1", "ada", "France", (Line("22633", "MUG", 1, PRICE),), Decimal("2.50"), NEXT)


def test_product_card_counts_stock_and_sales() -> None:
    listed = product.ProductListed("22633", "Mug", "Mugs", PRICE, AT, "mug.svg", 10)
    card = ProductCard("22633", "Mug", "Mugs", PRICE, "mug.svg", True, 10, 0, 10)
    spec(product_card).given(listed).then(card)
    spec(product_card).given(listed, product.StockReserved("22633", "o1", 4, AT)).then(
        ProductCard("22633", "Mug", "Mugs", PRICE, "mug.svg", True, 10, 4, 6)
    )
    spec(product_card).given(
        listed,
        product.ProductRepriced("22633", Decimal(3), AT),
        product.StockReserved("22633", "o1", 4, AT),
        product.StockReserved("22633", "o2", 1, AT),
        product.ReservationReleased("22633", "o2", 1, AT),
        product.StockShipped("22633", "o1", 4, AT),
        product.StockReceived("22633", 1, "lorry", AT),
    ).then(ProductCard("22633", "Mug", "Mugs", Decimal(3), "mug.svg", True, 7, 0, 7))
    spec(product_card).given(IMPORTED, PAID).then(
        ProductCard("22633", "MUG", sold=6, revenue=Decimal(15), sale_rows=3),
        ProductCard("POST", "POSTAGE", sold=1, revenue=Decimal(18), sale_rows=1),
    )


def test_cart_shows_lines_and_total_and_keeps_them_after_checking_out() -> None:
    added = cart.ItemAdded("c1", "22633", "MUG", PRICE, 2, AT)
    spec(cart_view).given(added).then(CartRow("c1", (MUG,), 2, Decimal(5)))
    out = cart.CartCheckedOut("c1", "o1", "ada", "Ada", HOME, (MUG,), Decimal(5), AT)
    spec(cart_view).given(added, out).then(CartRow("c1", (MUG,), 2, Decimal(5), "o1"))
    spec(cart_view).given(added, cart.ItemRemoved("c1", "22633", AT)).then(CartRow("c1"))


def test_order_summary_follows_a_live_order() -> None:
    placed = OrderSummary(
        "o1", "ada", "Ada", "France", placed_at=AT, updated_at=AT, lines=(MUG,), total=Decimal(5), address=HOME
    )
    spec(order_summary).given(PLACED).then(placed)
    failed = order_events.PaymentFailed("o1", "o1-1", "no money", NEXT)
    [row] = spec(order_summary).given(PLACED, failed).rows().values()
    assert (row.status, row.reason, row.updated_at) == ("payment_failed", "no money", NEXT)
    [row] = spec(order_summary).given(PLACED, failed, PAID).rows().values()
    assert (row.status, row.reason, row.paid_at) == ("paid", "", NEXT)
    [row] = spec(order_summary).given(PLACED, PAID, SENT_BACK, SENT_BACK).rows().values()
    assert (row.status, row.returned) == ("returned", Decimal(5))


def test_order_summary_joins_the_sections_of_an_imported_invoice() -> None:
    second = OrderImported("536365", "", "EIRE", (POST,), Decimal(18), NEXT)
    joined = OrderSummary(
        "536365", "17850", country="France", origin="import", status="imported", placed_at=AT, updated_at=NEXT,
        lines=(MUG, MUG, POST, POST), total=Decimal(46),
    )  # fmt: skip
    spec(order_summary).given(IMPORTED, second).then(joined)
    [row] = spec(order_summary).given(second, IMPORTED).rows().values()
    assert (row.customer_id, row.country, row.placed_at, row.updated_at) == ("17850", "France", AT, NEXT)
    [row] = spec(order_summary).given(RETURNED).rows().values()
    assert (row.order_id, row.kind, row.total) == ("C536366", "return", Decimal("-2.50"))


def test_customers_are_known_from_registration_and_from_history() -> None:
    moved = customer.AddressChanged("ada", HOME, AT)
    registered = customer.CustomerRegistered("ada", "Ada", "a@b", Address(), AT)
    spec(customer_view).given(registered, moved, PAID, SENT_BACK).then(
        CustomerRow("ada", "Ada", "a@b", HOME, "France", True, 1, Decimal(5), Decimal("2.50"))
    )
    spec(customer_view).given(IMPORTED, RETURNED).then(
        CustomerRow("17850", country="France", bought=True, orders=1, spent=Decimal(28), returned=Decimal("2.50"))
    )
    spec(customer_view).given(OrderImported("1", "", "France", (MUG,), Decimal(5), AT)).then_empty()


def test_sales_day_adds_up_by_day_and_country() -> None:
    spec(sales_day).given(IMPORTED, RETURNED, ADJUSTED, PAID, SENT_BACK).then(
        SalesDay("2010-12-01|France", "2010-12-01", "France", Decimal(28), Decimal("2.50"), Decimal(0), 3, 1, 1),
        SalesDay("2010-12-02|France", "2010-12-02", "France", Decimal(5), Decimal("2.50")),
    )
    [day] = spec(sales_day).given(IMPORTED, RETURNED).rows().values()
    assert day.net == Decimal("25.50")


def test_rejected_rows_are_listed() -> None:
    spec(rejected_row).given(RowRejected("ab", 1, "a.csv", 7, "why", "text")).then(
        RejectedRowRow("ab-1", "a.csv", 7, "why", "text")
    )
