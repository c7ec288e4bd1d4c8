"""The dashboard in Chromium over Orthanc, nginx, and the stand-ins of DCM4CHEE and XNAT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE_MS, watch
from tests.builders import Case, ImageFrame, build_case
from tests.standin import StandIn, running_standin
from tests.system.researching import Research, running_research

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from tests.stack import Stack

type OpenPage = Callable[..., Page]

_FRAME = ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0)


@dataclass
class Suite:
    """The running suite, both archives, and XNAT."""

    research: Research
    dcm4chee: StandIn
    folder: Path
    _sent: int = 0

    @property
    def stack(self) -> Stack:
        """Orthanc with the suite in it, and nginx."""
        return self.research.stack

    def receive(self, **options: Any) -> Case:
        """Send a new small study with a structure set to Orthanc; options are those of `build_case`."""
        self._sent += 1
        case = build_case(**{"frame": _FRAME, "regions": 2, "seed": 1000 + self._sent, **options})
        folder = self.folder / f"case-{self._sent}"
        case.write(folder)
        self.stack.receive(folder)
        return case


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """One suite for all tests of the dashboard; nothing is forwarded or synchronised by itself."""
    folder = tmp_path_factory.mktemp("dashboard")
    with running_standin(folder / "dcm4chee") as dcm4chee:
        section = {
            "Dcm4chee": {"Url": dcm4chee.url, "DicomPort": dcm4chee.dicom_port},
            "Forwarding": {"Rules": [{"Name": "tomography", "Enabled": False, "Modalities": ["CT"]}]},
            "Synchronisation": {"Direction": "none", "IntervalS": 2},
        }
        with running_research(folder / "research", front=True, **section) as research:
            yield Suite(research, dcm4chee, folder)


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Callable[..., BrowserContext]:
    """Return a profile for each kind of user: a language, an appearance, a size of the window."""
    made: dict[tuple[str, str, int], BrowserContext] = {}

    def context(
        language: str = "en", appearance: Literal["light", "dark"] = "light", width: int = 1280
    ) -> BrowserContext:
        key = (language, appearance, width)
        if key not in made:
            made[key] = browser.new_context(
                locale=language, color_scheme=appearance, viewport={"width": width, "height": 900}
            )
            made[key].set_default_timeout(PATIENCE_MS)
        return made[key]

    return context


@pytest.fixture
def open_page(suite: Suite, contexts: Callable[..., BrowserContext], tmp_path: Path) -> Iterator[OpenPage]:
    """Open an address of the dashboard; afterwards no request has left its origin and nothing has failed.

    ``open_page("studies", language="fr")``; requests that a test lets fail on purpose are named by a part of
    their address in ``may_fail``.
    """
    pages: list[Page] = []
    faults: list[str] = []
    allowed = ["api/session", "api/pulse"]

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and said.location["url"] != "":  # axe-core, which tries styles, has none
            faults.append(f"console: {said.text} ({said.location['url']})")

    def visit(path: str = "", *, may_fail: tuple[str, ...] = (), **kind: Any) -> Page:
        allowed.extend(may_fail)
        page = contexts(**kind).new_page()
        pages.append(page)
        watch(page, urlsplit(suite.stack.front).netloc, faults)
        page.on("console", hear)
        page.goto(f"{suite.stack.front}/pacs/ui/{path}")
        expect(page.locator("main h1")).to_be_visible()
        return page

    yield visit
    for number, page in enumerate(pages, 1):
        picture = tmp_path / f"page-{number}.png"
        if not page.is_closed():
            page.screenshot(path=picture)
            print(f"{page.url} at the end of the test: {picture}")  # noqa: T201 - pytest shows it when a test fails
            page.close()
    assert [fault for fault in faults if not _is_allowed(fault, allowed)] == []


def _is_allowed(fault: str, allowed: list[str]) -> bool:
    failed = any(part in fault for part in allowed)
    return failed or (bool(allowed) and fault.startswith("console: Failed to load resource"))


def check_accessible(page: Page) -> None:
    """Fail if axe-core finds a serious or critical fault on the page as it stands."""
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == []
