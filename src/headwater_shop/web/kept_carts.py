"""Carts that a process keeps in memory, for shops whose contract knows of none: by the rules that hold everywhere."""

from collections import OrderedDict
from typing import Final

import msgspec

from headwater_shop.domain import cart as rules
from headwater_shop.domain.cart import CartCommand

MOST: Final = 10_000


class Kept(msgspec.Struct, frozen=True):
    """A cart. Where it is `doubtful` it may have become an order: it was asked for, and nobody has said."""

    cart: rules.Cart = rules.Cart()
    doubtful: bool = False


class KeptCarts:
    """The carts that were used last, so many at most: one that has been left alone for longest is forgotten first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._carts: OrderedDict[str, Kept] = OrderedDict()

    def get(self, cart_id: str) -> Kept | None:
        """The cart; None where none is kept."""
        if (kept := self._carts.get(cart_id)) is not None:
            self._carts.move_to_end(cart_id)
        return kept

    def execute(self, command: CartCommand) -> None:
        """Do what is asked of a cart. Raises Rejected."""
        kept = self.get(command.cart_id) or Kept()
        cart = kept.cart
        for event in rules.carts.decide(command, cart):
            cart = rules.evolve(cart, event)
        self.put(command.cart_id, Kept(cart, kept.doubtful))

    def put(self, cart_id: str, kept: Kept) -> None:
        """Keep this cart from now on."""
        self._carts[cart_id] = kept
        self._carts.move_to_end(cart_id)
        if len(self._carts) > self._most:
            self._carts.popitem(last=False)
