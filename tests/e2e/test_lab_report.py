"""The laboratory's report in a real browser."""

from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Request

from headwater_shop.lab import recording
from headwater_shop.lab.report import write
from lab_raw import ARCHITECTURES, some_runs


def test_a_browser_shows_it_and_asks_for_nothing_else(tmp_path: Path, browser: Browser) -> None:
    for id, lines in some_runs():
        recording.write(tmp_path, id, lines)
    report = write(tmp_path)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    asked: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    def request(each: Request) -> None:
        if not each.url.startswith(("file:", "data:")):
            asked.append(each.url)

    page.on("console", note)
    page.on("request", request)
    page.goto(report.as_uri())
    assert page.locator(".matrix tbody tr").count() == len(ARCHITECTURES)
    assert page.locator(".panel svg").count() >= len(ARCHITECTURES) * 6
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "nothing sticks out on a phone"
    assert (said, asked) == ([], [])
