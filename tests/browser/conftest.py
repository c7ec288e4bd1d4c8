"""One running suite and one Chromium for all tests of this folder."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, expect, sync_playwright

from tests.stack import Stack, running_stack
from tests.standin import StandIn, running_standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

type Visit = Callable[[str], Page]

PATIENCE_MS = 60_000
"""How long a page may take; images are drawn in software here."""

expect.set_options(timeout=PATIENCE_MS)

_CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session")
def dcm4chee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What plays the second archive of `stack`."""
    with running_standin(tmp_path_factory.mktemp("dcm4chee")) as running:
        yield running


@pytest.fixture(scope="session")
def stack(dcm4chee: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One suite for all tests; nothing is forwarded or synchronised by itself."""
    section = {"Dcm4chee": {"Url": dcm4chee.url, "DicomPort": dcm4chee.dicom_port}}
    with running_stack(tmp_path_factory.mktemp("stack"), front=True, PacsSuite=section) as running:
        running.wait_until_healthy()
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> BrowserContext:
    """One profile for all tests, so that OHIF's 20 MB of scripts are compiled once."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture
def visit(context: BrowserContext, tmp_path: Path) -> Iterator[Visit]:
    """Open an address; afterwards no request has left its origin and nothing has failed on the page."""
    pages: list[Page] = []
    faults: list[str] = []

    def open_page(url: str) -> Page:
        page = context.new_page()
        pages.append(page)
        watch(page, urlsplit(url).netloc, faults)
        page.goto(url)
        return page

    yield open_page
    for number, page in enumerate(pages, 1):
        picture = tmp_path / f"page-{number}.png"
        page.screenshot(path=picture)
        print(f"{page.url} at the end of the test: {picture}")  # noqa: T201 - pytest shows it when a test fails
        page.close()
    assert faults == []


def watch(page: Page, origin: str, faults: list[str]) -> None:
    """Note requests that leave the origin, errors on the page, and answers that are failures."""

    def check(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.netloc != origin:
            faults.append(f"request to {request.url}")

    page.on("request", check)
    page.on("pageerror", lambda error: faults.append(f"error on the page: {error}"))

    def hear(answer: Response) -> None:
        if answer.status >= HTTPStatus.BAD_REQUEST:
            faults.append(f"{answer.status} {answer.url}")

    page.on("response", hear)
