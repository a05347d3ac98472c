"""The Shop UI: server-rendered pages over the shop, however it is built. They work without JavaScript."""

from headwater_shop.web.app import contract_ui, shop_ui
from headwater_shop.web.backend import Backend
from headwater_shop.web.cards import CardDesk
from headwater_shop.web.on_contract import OnContract, on_contract

__all__ = ["Backend", "CardDesk", "OnContract", "contract_ui", "on_contract", "shop_ui"]
