"""The Shop UI: server-rendered pages over the shop's commands and views. They work without JavaScript."""

from headwater_shop.web.app import shop_ui
from headwater_shop.web.cards import CardDesk

__all__ = ["CardDesk", "shop_ui"]
