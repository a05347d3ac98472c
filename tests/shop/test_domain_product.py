"""Products: listing, prices, and stock that is never promised twice."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Rejected
from headwater.testing.specification import spec
from headwater_shop.domain.product import (
    CountStock,
    EnsureListed,
    ListProduct,
    Product,
    ProductCommand,
    ProductListed,
    ProductRepriced,
    ReceiveStock,
    ReleaseStock,
    RepriceProduct,
    ReservationRefused,
    ReservationReleased,
    ReserveStock,
    ShipStock,
    StockCounted,
    StockReceived,
    StockReserved,
    StockShipped,
    decide,
    evolve,
    products,
)

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
PRICE = Decimal("2.55")
LISTED = ProductListed("m1", "Mug", "Mugs", PRICE, AT, on_hand=10)


def reserve(quantity: int, order_id: str = "o1", price: Decimal = PRICE) -> ReserveStock:
    return ReserveStock("m1", order_id, quantity, price, AT)


def refused(quantity: int, code: str, reason: str) -> ReservationRefused:
    return ReservationRefused("m1", "o1", quantity, code, reason, AT)


def test_a_product_is_listed_once() -> None:
    spec(products).when(ListProduct("m1", "Mug", "Mugs", PRICE, AT, on_hand=10)).then(LISTED)
    spec(products).given(LISTED).when(ListProduct("m1", "Mug", "Mugs", PRICE, AT)).then_rejected("already_listed")
    spec(products).when(EnsureListed("m1", "Mug", "Mugs", PRICE, AT, on_hand=10)).then(LISTED)
    spec(products).given(LISTED).when(EnsureListed("m1", "Cup", "Cups", PRICE, AT)).then_nothing()


def test_a_listing_needs_a_name_a_price_and_no_negative_stock() -> None:
    spec(products).when(ListProduct("m1", " ", "Mugs", PRICE, AT)).then_rejected("name_missing")
    spec(products).when(ListProduct("m1", "Mug", "", Decimal(0), AT)).then_rejected("price_not_positive")
    spec(products).when(ListProduct("m1", "Mug", "", PRICE, AT, on_hand=-1)).then_rejected("stock_negative")


def test_prices_change() -> None:
    dearer = RepriceProduct("m1", Decimal(3), AT)
    spec(products).given(LISTED).when(dearer).then(ProductRepriced("m1", Decimal(3), AT))
    spec(products).given(LISTED, ProductRepriced("m1", Decimal(3), AT)).when(dearer).then_nothing()
    spec(products).given(LISTED).when(RepriceProduct("m1", Decimal(-1), AT)).then_rejected("price_not_positive")
    spec(products).when(dearer).then_rejected("not_listed")


def test_stock_is_counted_and_received() -> None:
    spec(products).given(LISTED).when(CountStock("m1", 7, AT)).then(StockCounted("m1", 7, AT))
    spec(products).given(LISTED).when(CountStock("m1", 10, AT)).then_nothing()
    spec(products).given(LISTED).when(CountStock("m1", -1, AT)).then_rejected("stock_negative")
    held = StockReserved("m1", "o1", 8, AT)
    spec(products).given(LISTED, held).when(CountStock("m1", 7, AT)).then_rejected("reserved")
    spec(products).given(LISTED).when(ReceiveStock("m1", 5, "lorry", AT)).then(StockReceived("m1", 5, "lorry", AT))
    spec(products).given(LISTED).when(ReceiveStock("m1", 0, "lorry", AT)).then_rejected("quantity_not_positive")
    spec(products).when(CountStock("m1", 7, AT)).then_rejected("not_listed")
    spec(products).when(ReceiveStock("m1", 7, "lorry", AT)).then_rejected("not_listed")


def test_stock_is_reserved_as_far_as_it_goes() -> None:
    spec(products).given(LISTED).when(reserve(10)).then(StockReserved("m1", "o1", 10, AT))
    spec(products).given(LISTED).when(reserve(11)).then(refused(11, "out_of_stock", "only 10 of m1 are left"))
    held = StockReserved("m1", "o2", 8, AT)
    spec(products).given(LISTED, held).when(reserve(3)).then(refused(3, "out_of_stock", "only 2 of m1 are left"))
    spec(products).given(LISTED, StockReserved("m1", "o1", 3, AT)).when(reserve(3)).then_nothing()
    spec(products).given(LISTED).when(reserve(0)).then_rejected("quantity_not_positive")


def test_a_reservation_is_refused_for_what_cannot_be_sold() -> None:
    spec(products).when(reserve(1)).then(refused(1, "not_listed", "m1 is not in the catalogue"))
    uncounted = ProductListed("m1", "Mug", "Mugs", PRICE, AT)
    spec(products).given(uncounted).when(reserve(1)).then(
        refused(1, "stock_unknown", "the stock of m1 was never counted")
    )
    cheap = reserve(1, price=Decimal("0.01"))
    spec(products).given(LISTED).when(cheap).then(refused(1, "price_changed", "the price of m1 is now 2.55"))


def test_reservations_are_released_or_shipped_once() -> None:
    held = StockReserved("m1", "o1", 4, AT)
    release, ship = ReleaseStock("m1", "o1", AT), ShipStock("m1", "o1", AT)
    released, shipped = ReservationReleased("m1", "o1", 4, AT), StockShipped("m1", "o1", 4, AT)
    spec(products).given(LISTED, held).when(release).then(released)
    spec(products).given(LISTED, held, released).when(release).then_nothing()
    spec(products).given(LISTED, held, released).when(ship).then_nothing()
    spec(products).given(LISTED, held).when(ship).then(shipped)
    spec(products).given(LISTED, held, shipped).when(release).then_nothing()
    spec(products).given(LISTED, held, released).when(reserve(10)).then(StockReserved("m1", "o1", 10, AT))
    spec(products).given(LISTED, held, shipped).when(reserve(7)).then(
        refused(7, "out_of_stock", "only 6 of m1 are left")
    )


small = st.integers(-2, 12)
orders = st.sampled_from(["o1", "o2", "o3"])
commands = st.one_of(
    st.builds(EnsureListed, *map(st.just, ("m1", "Mug", "", PRICE, AT, "")), small),
    st.builds(CountStock, st.just("m1"), small, st.just(AT)),
    st.builds(ReceiveStock, st.just("m1"), small, st.just("r"), st.just(AT)),
    st.builds(ReserveStock, st.just("m1"), orders, small, st.just(PRICE), st.just(AT)),
    st.builds(ReleaseStock, st.just("m1"), orders, st.just(AT)),
    st.builds(ShipStock, st.just("m1"), orders, st.just(AT)),
)


def after(product: Product, command: ProductCommand) -> Product:
    try:
        return reduce(evolve, decide(command, product), product)
    except Rejected:
        return product


@given(st.lists(commands, max_size=30))
def test_never_more_is_promised_than_lies_there(history: list[ProductCommand]) -> None:
    product = Product()
    for command in history:
        product = after(product, command)
        assert 0 <= sum(product.reserved.values()) <= (product.on_hand or 0)
        assert product.available >= 0
