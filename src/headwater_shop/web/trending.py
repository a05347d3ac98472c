"""What trends, as a page and as a part of the home page; both move by themselves."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headwater.errors import Overloaded, StoreError
from headwater.http.sse import HEARTBEAT
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Elsewhere, Shop, page, render, sse, visit
from headwater_shop.web.trends import FRESH, MOST

AT_HOME: Final = 6
_SILENCE: Final = 15.0  # seconds without a change after which a comment is sent, so that nobody closes the connection


async def show(request: Request) -> Response:
    """GET /trending"""
    coming = await visit(request)
    words = (await coming.insight.trends.now()).words
    return await page(coming, "trending.html", hot_words=words, **await trending(coming.shop, MOST))


async def trending(shop: Shop, most: int) -> dict[str, Any]:
    """What a page shows of the hottest products."""
    if shop.insight is None:
        return {"counted": False, "trends": (), "most": most}
    trends = shop.insight.trends
    return {"counted": trends.counted, "trends": (await trends.now()).products[:most], "most": most}


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /trending/live?most=: the hottest products as HTML, again whenever they change (SSE)."""
    request = Request(scope, receive)
    shop: Shop = request.app.state.shop
    if shop.insight is None:
        raise Elsewhere
    most = whole(request.query_params.get("most", ""), MOST, 1, MOST)
    try:
        await shop.watching.serve(scope, receive, send, updates(shop, most))
    except Overloaded as error:
        raise HTTPException(503, "Too many people are watching right now.") from error


async def updates(shop: Shop, most: int) -> AsyncGenerator[bytes, None]:
    shown, clock = "", shop.clock
    said = clock.monotonic()
    while True:
        try:
            fresh = render("_trending.html", **await trending(shop, most))
        except StoreError:  # it comes back; until then nothing moves
            fresh = shown
        if fresh != shown:
            shown, said = fresh, clock.monotonic()
            yield sse("trending", fresh)
        elif clock.monotonic() - said >= _SILENCE:
            said = clock.monotonic()
            yield HEARTBEAT
        await clock.sleep(FRESH)
