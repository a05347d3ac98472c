"""Who is shopping: one opaque random cookie. Everything else is derived from it by hashing, so nothing that appears in
an event, an address or a form gives the cookie away, and the shop keeps no sessions and no secrets."""

import hashlib
import re
import secrets
from hmac import compare_digest
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "shopper"
SEEN: Final = "seen"
_YEAR: Final = 365 * 24 * 3600
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{32})\.([0-9]{1,6})")
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to be misread


class Shopper(msgspec.Struct, frozen=True):
    """A browser that visits the shop. `carts` counts the carts it has checked out; `new` has no cookie yet."""

    token: str
    carts: int = 0
    new: bool = False

    @property
    def customer_id(self) -> str:
        """The customer that this browser registers."""
        return "web-" + self._derived("customer")[:20]

    @property
    def cart_id(self) -> str:
        """The open cart."""
        return self.cart(self.carts)

    def cart(self, number: int) -> str:
        """The cart after so many that were checked out."""
        return "web-" + self._derived(f"cart/{number}")[:32]

    @property
    def visitor_id(self) -> str:
        """What tells this browser's clicks from those of others, and leads to no customer."""
        return "web-" + self._derived("visitor")[:20]

    @property
    def form_token(self) -> str:
        """What every form of this shopper carries, so that other sites cannot post in their name."""
        return self._derived("form")[:32]

    def owns_form(self, token: str) -> bool:
        return compare_digest(self.form_token.encode(), token.encode())

    def after_checkout(self) -> "Shopper":
        """The shopper with a fresh cart."""
        return Shopper(self.token, self.carts + 1)

    def _derived(self, purpose: str) -> str:
        return hashlib.sha256(f"{purpose}:{self.token}".encode()).hexdigest()


def shopper_of(request: Request, cookie: str = COOKIE) -> Shopper:
    """The shopper who sends the request; a new one where the cookie is missing or was tampered with."""
    match = _SHAPE.fullmatch(request.cookies.get(cookie, ""))
    if match is None:
        return Shopper(secrets.token_urlsafe(24), new=True)
    return Shopper(match[1], int(match[2]))


def remember(request: Request, response: Response, shopper: Shopper, cookie: str = COOKIE) -> None:
    """Give the browser its cookie."""
    value = f"{shopper.token}.{shopper.carts}"
    response.set_cookie(
        cookie, value, max_age=_YEAR, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


def order_number(cart_id: str) -> str:
    """The order that a cart becomes: always the same one, so a form sent twice orders once. It cannot be guessed."""
    number = int.from_bytes(hashlib.sha256(f"order:{cart_id}".encode()).digest()[:10], "big")
    letters = "".join(_LETTERS[number >> shift & 31] for shift in range(0, 80, 5))
    return f"h-{letters[:4]}-{letters[4:8]}-{letters[8:12]}-{letters[12:]}"


def seen_position(request: Request) -> int:
    """How far in the store this browser's own writes reach."""
    text = request.cookies.get(SEEN, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def note_position(response: Response, position: int) -> None:
    """Let the pages after this one wait for what was just written."""
    response.set_cookie(SEEN, str(position), max_age=300, httponly=True, samesite="lax")
