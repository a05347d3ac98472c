"""The HTTP entrance: commands, views and events of an application as HTTP endpoints. Needs the extra `http`."""

from importlib.util import find_spec

from headwater.errors import MissingExtra

for _needed in ("starlette", "uvicorn"):
    if find_spec(_needed) is None:
        raise MissingExtra("http", "headwater.http")

from headwater.http.limits import Limits  # noqa: E402 - only importable when the extra is there
from headwater.http.routes import http_app  # noqa: E402
from headwater.http.serve import Address, run, serve, serving  # noqa: E402

__all__ = ["Address", "Limits", "http_app", "run", "serve", "serving"]
