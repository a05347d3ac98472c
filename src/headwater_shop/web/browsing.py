"""Pages for looking around: home, search, categories, a product, and the drawn pictures."""

import hashlib
from decimal import Decimal
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headwater_shop.contract import PAGE, Item, Sort
from headwater_shop.domain.clicks import ProductViewed, Searched
from headwater_shop.seed import picture
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Shop, Visit, page, visit
from headwater_shop.web.trending import AT_HOME, trending

SMALL_GIFT: Final = Decimal("2.50")
BEST: Final = 8
MAX_WORDS_CHARS: Final = 100
MAX_PAGE: Final = 1000

SORTS: Final[dict[Sort, str]] = {
    "popular": "Best sellers",
    "price": "Price, low to high",
    "price-down": "Price, high to low",
    "name": "Name, A to Z",
}


async def home(request: Request) -> Response:
    """GET /"""
    coming = await visit(request)
    best = await _best(coming)
    shown = {item.stock_code for item in best}
    gifts = await coming.backend.small_gifts(4 + len(best), SMALL_GIFT)
    small = [item for item in gifts if item.stock_code not in shown][:4]
    trends = await trending(coming.shop, AT_HOME)
    return await page(coming, "home.html", best=best, small=small, small_gift=SMALL_GIFT, **trends)


async def _best(coming: Visit) -> list[Item]:
    """What sells best; in a shop that is new something of each category first."""
    popular = await coming.backend.best_sellers(BEST)
    best = [item for item in popular if item.sold]
    if len(best) < BEST:
        faces = await coming.backend.products([each.stock_code for each in await coming.backend.categories()])
        mixed = [*best, *(item for item in faces.values() if item.available), *popular]
        best = list({item.stock_code: item for item in mixed}.values())[:BEST]
    return best


async def search(request: Request) -> Response:
    """GET /search?q=&category=&sort=&page="""
    coming = await visit(request)
    params = coming.params
    words, category = params.get("q", "")[:MAX_WORDS_CHARS], params.get("category", "")
    sort: Sort = next((known for known in SORTS if known == params.get("sort")), "popular")
    number = whole(params.get("page", ""), 1, 1, MAX_PAGE)
    found = await coming.backend.search(words, category, sort, number)
    if words and found.total and "page" not in params:
        coming.click(Searched(" ".join(words.lower().split()), found.total, coming.shop.now()))
    asked = {name: value for name, value in (("q", words), ("category", category)) if value}
    pages = max(1, -(-found.total // PAGE))
    if sort != "popular":
        asked["sort"] = sort
    return await page(
        coming,
        "search.html",
        found=found,
        category=category,
        sort=sort,
        sorts=SORTS,
        pages=pages,
        numbers=page_numbers(found.page, pages),
        to_page=lambda n: "/search?" + urlencode({**asked, "page": n}),
        suggestions=[] if found.total else await coming.backend.best_sellers(4),
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
    coming = await visit(request)
    item = await listed(coming, request.path_params["stock_code"])
    if "added" not in coming.params:  # else they are still looking
        coming.click(ProductViewed(item.stock_code, coming.shop.now()))
    return await product_page(coming, item)


async def product_page(coming: Visit, item: Item, *, status: int = 200, problem: str = "") -> Response:
    """A product's page; with a `problem` when it could not be put into the cart."""
    stock_code = item.stock_code
    in_cart = next((line.quantity for line in coming.cart.lines if line.stock_code == stock_code), 0)
    return await page(
        coming,
        "product.html",
        status=status,
        product=item,
        in_cart=in_cart,
        added="added" in coming.params and in_cart > 0 and not problem,
        problem=problem,
        others=await coming.backend.best_sellers(4, category=item.category, besides=stock_code),
    )


async def listed(coming: Visit, stock_code: str) -> Item:
    """A product of the catalogue. Raises HTTPException where there is none."""
    item = (await coming.backend.products([stock_code], coming.after)).get(stock_code)
    if item is None:
        raise HTTPException(404, "We have no such product. It may be spelt differently, or it is no longer made.")
    return item


async def drawn(request: Request) -> Response:
    """GET /pictures/{stock_code}.svg"""
    code = request.path_params["stock_code"]
    shop: Shop = request.app.state.shop
    name = await shop.backend.name_of(code)
    if name is None:
        raise HTTPException(404, "There is no such picture.")
    svg, etag = _picture(code, name)
    headers = {"etag": etag, "cache-control": "public, max-age=86400", "content-security-policy": "default-src 'none'"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(svg, media_type="image/svg+xml", headers=headers)


@lru_cache(4096)
def _picture(stock_code: str, name: str) -> tuple[bytes, str]:
    svg = picture(stock_code, name).encode()
    return svg, f'"{hashlib.sha256(svg).hexdigest()[:16]}"'
