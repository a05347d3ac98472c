"""Carts and customers: what a shopper may do before there is an order."""

from datetime import UTC, datetime
from decimal import Decimal

from headwater.testing.specification import spec
from headwater_shop.domain.cart import (
    MAX_LINES,
    MAX_QUANTITY,
    AddItem,
    CartCheckedOut,
    ChangeQuantity,
    CheckOut,
    ItemAdded,
    ItemRemoved,
    QuantityChanged,
    RemoveItem,
    carts,
)
from headwater_shop.domain.customer import (
    AddressChanged,
    ChangeAddress,
    ChangeDetails,
    CustomerRegistered,
    DetailsChanged,
    RegisterCustomer,
    customers,
)
from headwater_shop.domain.shared import Address, Line

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOME = Address("1 High Street", "York", "YO1", "United Kingdom")
TWO_MUGS = ItemAdded("c1", "m1", "Mug", Decimal("2.55"), 2, AT)
ONE_CAKE = ItemAdded("c1", "k1", "Cake", Decimal("0.10"), 1, AT)
CHECK_OUT = CheckOut("c1", "o1", "ada", "Ada", HOME, AT)
CHECKED_OUT = CartCheckedOut(
    "c1", "o1", "ada", "Ada", HOME, (Line("m1", "Mug", 2, Decimal("2.55")),), Decimal("5.10"), AT
)


def add(quantity: int, code: str = "m1", price: str = "2.55") -> AddItem:
    return AddItem("c1", code, "Mug", Decimal(price), quantity, AT)


def test_items_are_added_within_bounds() -> None:
    spec(carts).when(add(2)).then(TWO_MUGS)
    spec(carts).when(add(0)).then_rejected("quantity_not_positive")
    spec(carts).when(add(1, price="0")).then_rejected("price_not_positive")
    spec(carts).when(add(1, code="")).then_rejected("stock_code_missing")
    spec(carts).when(add(MAX_QUANTITY + 1)).then_rejected("too_many")
    spec(carts).given(TWO_MUGS).when(add(MAX_QUANTITY - 1)).then_rejected("too_many")


def test_a_cart_holds_only_so_many_items() -> None:
    full = [ItemAdded("c1", f"p{n}", "Thing", Decimal(1), 1, AT) for n in range(MAX_LINES)]
    spec(carts).given(*full).when(add(1)).then_rejected("cart_full")
    spec(carts).given(*full).when(add(1, code="p0")).then(ItemAdded("c1", "p0", "Mug", Decimal("2.55"), 1, AT))


def test_quantities_change_and_items_go() -> None:
    given = spec(carts).given(TWO_MUGS)
    given.when(ChangeQuantity("c1", "m1", 5, AT)).then(QuantityChanged("c1", "m1", 5, AT))
    given.when(ChangeQuantity("c1", "m1", 2, AT)).then_nothing()
    given.when(ChangeQuantity("c1", "m1", 0, AT)).then(ItemRemoved("c1", "m1", AT))
    given.when(ChangeQuantity("c1", "m1", -1, AT)).then_rejected("quantity_negative")
    given.when(ChangeQuantity("c1", "m1", MAX_QUANTITY + 1, AT)).then_rejected("too_many")
    given.when(ChangeQuantity("c1", "x", 1, AT)).then_rejected("not_in_cart")
    given.when(RemoveItem("c1", "m1", AT)).then(ItemRemoved("c1", "m1", AT))
    given.when(RemoveItem("c1", "x", AT)).then_nothing()


def test_checking_out_takes_everything_at_the_prices_shown() -> None:
    spec(carts).given(TWO_MUGS).when(CHECK_OUT).then(CHECKED_OUT)
    joined = Line("m1", "Mug", 5, Decimal(3))
    dearer = ItemAdded("c1", "m1", "Mug", Decimal(3), 3, AT)
    spec(carts).given(TWO_MUGS, dearer).when(CHECK_OUT).then(
        CartCheckedOut("c1", "o1", "ada", "Ada", HOME, (joined,), Decimal("15.00"), AT)
    )
    spec(carts).given(TWO_MUGS, ONE_CAKE, ItemRemoved("c1", "k1", AT)).when(CHECK_OUT).then(CHECKED_OUT)


def test_an_empty_or_nameless_cart_is_not_checked_out() -> None:
    spec(carts).when(CHECK_OUT).then_rejected("cart_empty")
    spec(carts).given(TWO_MUGS, ItemRemoved("c1", "m1", AT)).when(CHECK_OUT).then_rejected("cart_empty")
    spec(carts).given(TWO_MUGS).when(CheckOut("c1", "o1", "", "", HOME, AT)).then_rejected("customer_missing")
    numbered = CheckOut("c1", "536365", "ada", "Ada", HOME, AT)
    spec(carts).given(TWO_MUGS).when(numbered).then_rejected("order_id_malformed")


def test_a_checked_out_cart_is_closed() -> None:
    closed = spec(carts).given(TWO_MUGS, CHECKED_OUT)
    closed.when(CHECK_OUT).then_nothing()
    closed.when(CheckOut("c1", "o2", "ada", "Ada", HOME, AT)).then_rejected("checked_out")
    closed.when(add(1)).then_rejected("checked_out")
    closed.when(ChangeQuantity("c1", "m1", 1, AT)).then_rejected("checked_out")
    closed.when(RemoveItem("c1", "m1", AT)).then_rejected("checked_out")


def test_customers_register_once_and_change_their_details() -> None:
    ada = CustomerRegistered("ada", "Ada", "ada@example.org", HOME, AT)
    register = RegisterCustomer("ada", "Ada", "ada@example.org", AT, HOME)
    spec(customers).when(register).then(ada)
    spec(customers).given(ada).when(register).then_rejected("already_registered")
    spec(customers).when(RegisterCustomer("ada", "", "ada@example.org", AT)).then_rejected("name_missing")
    spec(customers).when(RegisterCustomer("ada", "Ada", "example.org", AT)).then_rejected("email_malformed")
    change = ChangeDetails("ada", "Ada L", "ada@example.org", AT)
    spec(customers).given(ada).when(change).then(DetailsChanged("ada", "Ada L", "ada@example.org", AT))
    spec(customers).given(ada, DetailsChanged("ada", "Ada L", "ada@example.org", AT)).when(change).then_nothing()
    spec(customers).when(change).then_rejected("not_registered")


def test_customers_move() -> None:
    ada = CustomerRegistered("ada", "Ada", "ada@example.org", HOME, AT)
    new = Address("2 Low Street", "Leeds", "LS1", "United Kingdom")
    move = ChangeAddress("ada", new, AT)
    spec(customers).given(ada).when(move).then(AddressChanged("ada", new, AT))
    spec(customers).given(ada, AddressChanged("ada", new, AT)).when(move).then_nothing()
    spec(customers).when(move).then_rejected("not_registered")
