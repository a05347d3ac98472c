"""The real `headwater shop` as a process, and what a browser is watched for."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

HEADWATER = str(Path(sys.executable).with_name("headwater"))
STARTS_WITHIN = 60.0
ENDS_WITHIN = 20.0


@dataclass(frozen=True)
class Shop:
    """A running shop."""

    url: str
    store: str

    def command(self, name: str, /, **fields: Any) -> None:
        """Execute a command over the shop's API, as another shopkeeper would, until the products' view shows it."""
        done = self._api(f"commands/{name}", {**fields, "at": datetime.now(UTC).isoformat()})
        self._api(f"views/product_card?limit=1&after={done['position']}")

    def _api(self, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/{path}", sent, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                pytest.fail(f"{path} was answered {error.code}: {error.read().decode()}")


def headwater(*arguments: str, seconds: float = 60) -> str:
    """What `headwater` prints."""
    done = subprocess.run([HEADWATER, *arguments], capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`headwater shop` and its address; it ends by Ctrl-C, cleanly."""
    with _process(*arguments, cwd=cwd) as process:
        line = _first_line(process, "http://")
        yield next(word for word in line.split() if word.startswith("http://")).rstrip("/,"), process


@contextmanager
def working(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """`headwater shop work`, at work; it ends by Ctrl-C, cleanly, unless it was killed."""
    with _process("work", *arguments, cwd=cwd) as process:
        _first_line(process, "At work")
        yield process


@contextmanager
def _process(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    command = [HEADWATER, "shop", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            yield process
            if process.poll() == -signal.SIGKILL:
                return
            process.send_signal(signal.SIGINT)
            _out, err = process.communicate(timeout=ENDS_WITHIN)
            assert process.returncode == 0, err
            assert "Traceback" not in err, err
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[str], has: str) -> str:
    """What it says once it has started."""
    assert process.stdout
    assert process.stderr
    watchdog = Timer(STARTS_WITHIN, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    assert has in line, f"it did not start: {line!r} {process.stderr.read()}"
    return line


@dataclass
class Watch:
    """What a browser did that a good page does not make it do."""

    home: str
    strayed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def follow(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.home:
            self.strayed.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        # A page that is answered 4xx is logged as an error by the browser; tests that ask for one say so.
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.errors.append(message.text)


@contextmanager
def opened(browser: Browser, shop: Shop, watch: Watch, **options: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=shop.url, **{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(10_000)
    watch.follow(context)
    try:
        yield context.new_page()
    finally:
        context.close()
