"""Reading forms: bounded, and with errors that people understand."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_FORM_BYTES: Final = 32 * 1024
MAX_FIELDS: Final = 100
SECONDS: Final = 10.0

Fields = Mapping[str, str]


async def read_form(request: Request) -> Fields:
    """The fields of a posted form, without the spaces around them. Raises HTTPException for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "This page takes forms as a browser sends them.")
    try:
        async with asyncio.timeout(SECONDS):
            body = await _body(request)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except TimeoutError:
        raise HTTPException(408, "The form took too long to arrive.") from None
    except ValueError:
        raise HTTPException(400, "The form could not be read.") from None
    return {name: value.strip() for name, value in pairs}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, "The form is too long.")
    return bytes(body)


def whole(text: str, default: int, low: int, high: int) -> int:
    """A whole number from a form or an address, brought between the bounds."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return default
    return min(max(int(text), low), high)
