"""What shoppers do before they buy. It is published for those who count it, and never recorded: nothing is decided by
it. It says nothing of who it was."""

from headwater import event
from headwater_shop.domain.shared import Moment


@event("shop.product_viewed")
class ProductViewed:
    stock_code: str
    at: Moment


@event("shop.searched")
class Searched:
    """Words that somebody searched for, and how many products they found. Words that find nothing are nobody's
    business: they may be anything."""

    words: str
    found: int
    at: Moment


@event("shop.added_to_cart")
class AddedToCart:
    stock_code: str
    quantity: int
    at: Moment


Click = ProductViewed | Searched | AddedToCart
