"""Pages for looking around: home, search, categories, a product, and the drawn pictures."""

import hashlib
from decimal import Decimal
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headwater_shop.event_driven.views import ProductCard, product_card
from headwater_shop.seed import picture
from headwater_shop.web import shelf
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Visit, page, visit

SMALL_GIFT: Final = Decimal("2.50")
MAX_WORDS_CHARS: Final = 100


async def home(request: Request) -> Response:
    """GET /"""
    coming = await visit(request)
    best = await shelf.best_sellers(coming.runtime, 8)
    small = await shelf.small_gifts(coming.runtime, 4, SMALL_GIFT)
    return await page(coming, "home.html", best=best, small=small, small_gift=SMALL_GIFT)


async def search(request: Request) -> Response:
    """GET /search?q=&category=&sort=&page="""
    coming = await visit(request)
    params = coming.params
    words, category = params.get("q", "")[:MAX_WORDS_CHARS], params.get("category", "")
    sort = params["sort"] if params.get("sort") in shelf.SORTS else "popular"
    number = whole(params.get("page", ""), 1, 1, shelf.MAX_PAGE)
    found = await shelf.search(coming.runtime, words=words, category=category, sort=sort, page=number)
    asked = {name: value for name, value in (("q", words), ("category", category)) if value}
    if sort != "popular":
        asked["sort"] = sort
    return await page(
        coming,
        "search.html",
        found=found,
        category=category,
        sort=sort,
        numbers=page_numbers(found.page, found.pages),
        to_page=lambda n: "/search?" + urlencode({**asked, "page": n}),
        suggestions=[] if found.total else await shelf.best_sellers(coming.runtime, 4),
    )


def page_numbers(page: int, pages: int) -> list[int]:
    """Which pages to offer: the first, the last and those around this one; 0 stands for a gap."""
    shown = sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)})
    numbers: list[int] = []
    for number in shown:
        if numbers and number > numbers[-1] + 1:
            numbers.append(0)
        numbers.append(number)
    return numbers


async def product(request: Request) -> Response:
    """GET /products/{stock_code}"""
    return await product_page(await visit(request), request.path_params["stock_code"])


async def product_page(coming: Visit, stock_code: str, *, status: int = 200, problem: str = "") -> Response:
    """A product's page; with a `problem` when it could not be put into the cart."""
    card = await listed(coming, stock_code)
    in_cart = next((line.quantity for line in coming.cart.lines if line.stock_code == stock_code), 0)
    return await page(
        coming,
        "product.html",
        status=status,
        product=shelf.item(card),
        in_cart=in_cart,
        added="added" in coming.params and in_cart > 0 and not problem,
        problem=problem,
        others=await shelf.best_sellers(coming.runtime, 4, category=card.category, besides=stock_code),
    )


async def listed(coming: Visit, stock_code: str) -> ProductCard:
    """A product of the catalogue. Raises HTTPException where there is none."""
    card = await coming.runtime.get(product_card, stock_code, after=coming.after)
    if card is None or not card.listed:
        raise HTTPException(404, "We have no such product. It may be spelt differently, or it is no longer made.")
    return card


async def drawn(request: Request) -> Response:
    """GET /pictures/{stock_code}.svg"""
    code = request.path_params["stock_code"]
    card = await request.app.state.shop.runtime.get(product_card, code)
    if card is None:
        raise HTTPException(404, "There is no such picture.")
    svg, etag = _picture(code, card.name)
    headers = {"etag": etag, "cache-control": "public, max-age=86400", "content-security-policy": "default-src 'none'"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(svg, media_type="image/svg+xml", headers=headers)


@lru_cache(4096)
def _picture(stock_code: str, name: str) -> tuple[bytes, str]:
    svg = picture(stock_code, name).encode()
    return svg, f'"{hashlib.sha256(svg).hexdigest()[:16]}"'
