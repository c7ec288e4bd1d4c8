"""Orthanc Explorer, as Orthanc brings it, offers the suite's actions on its pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from orthanc_plugins.api.actions import ACTIONS, RESOURCE, Level, Need, custom_buttons
from orthanc_plugins.certificates import create_signing_key
from orthanc_plugins.projects import Custodian
from tests.browser.dashboard.conftest import check_accessible
from tests.builders import ImageFrame, build_case
from tests.stack import Stack, running_stack
from tests.standin import running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from orthanc_plugins.api.actions import Action
    from tests.browser.conftest import Visit

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&amp;"
PAGES = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance", Level.STUDIES: "patient"}


@dataclass(frozen=True)
class Stored:
    """A study with images and a structure set in the running Orthanc, by Orthanc's identifiers."""

    stack: Stack
    study_uid: str
    resources: dict[Level, str]
    image_series: str

    def page(self, level: Level) -> str:
        """Return the address of the page of Orthanc Explorer for a level."""
        return f"{self.stack.url}/app/explorer.html#{PAGES[level]}?uuid={self.resources[level]}"

    def targets(self, action: Action) -> str:
        """Return what an action acts on, as it stands in its address."""
        study = self.resources[Level.STUDY]
        return study if action.level is Level.STUDIES else self.resources[action.level]


@pytest.fixture(scope="module")
def researching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A suite with both archives and a project whose studies go to a folder."""
    data = tmp_path_factory.mktemp("researching")
    outgoing = data / "outgoing"
    outgoing.mkdir()
    project = {"Name": "trial", "Destination": {"Kind": "folder", "Folder": str(outgoing)}}
    suite = data / "suite"
    Custodian(suite / "custody", suite / "audit").create("trial")
    create_signing_key(suite / "custody")
    with running_standin(data / "dcm4chee") as dcm4chee:
        section = {
            "Deidentification": {"Projects": [project]},
            "Dcm4chee": {"Url": dcm4chee.url, "DicomPort": dcm4chee.dicom_port},
            "Forwarding": {"Rules": [{"Name": "everything"}]},
        }
        with running_stack(suite, front=True, PacsSuite=section) as stack:
            stack.wait_until_healthy()
            yield stack


@pytest.fixture(scope="module")
def stored(researching: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A study whose texts would be a script if they were taken for one."""
    folder = tmp_path_factory.mktemp("case")
    frame = ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0)
    case = build_case(frame=frame, regions=1)
    for dataset in (*case.images, case.structure_set):
        dataset.PatientName = dataset.PatientID = dataset.StudyDescription = dataset.SeriesDescription = (
            HOSTILE
        )
    case.write(folder)
    researching.receive(folder)
    researching.job_in_state(case.reference.study_uid, "succeeded")
    (patient,) = researching.get("/patients").json()
    (study,) = researching.get("/studies").json()
    series = researching.get(f"/studies/{study}/series").json()
    by_modality = {one["MainDicomTags"]["Modality"]: one for one in series}
    sets = by_modality.pop("RTSTRUCT")
    (images,) = by_modality.values()
    resources = {
        Level.STUDIES: patient,
        Level.STUDY: study,
        Level.SERIES: sets["ID"],
        Level.INSTANCE: sets["Instances"][0],
    }
    return Stored(researching, case.reference.study_uid, resources, images["ID"])


@pytest.fixture
def explorer(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own; nothing has failed on it, and no text has become a script."""
    context = browser.new_context(locale="en")
    page = context.new_page()
    faults: list[str] = []
    page.on("dialog", lambda dialog: faults.append(f"a text became a script: {dialog.message}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action_id)
def test_an_action_opens_its_page_from_the_page_of_its_resource(
    explorer: Page, stored: Stored, action: Action
) -> None:
    explorer.goto(stored.page(action.level))
    link = explorer.locator(f"#{action.action_id}")
    expect(link).to_have_text(action.words["en"])
    if action.elsewhere:
        with explorer.expect_popup() as opened:
            link.click()
        opened.value.wait_for_url(re.compile(f"/viewer/.*StudyInstanceUIDs={stored.study_uid}$"))
        source = "DCM4CHEE" if Need.DCM4CHEE in action.needs else "Orthanc"
        assert urlsplit(opened.value.url).path == f"/ohif/viewer/{source}"
        return
    with explorer.expect_navigation():
        link.click()
    expect(explorer.locator("main h1")).to_be_visible()
    led_to = urlsplit(explorer.url)
    path = explorer.url.removeprefix(f"{led_to.scheme}://{led_to.netloc}")
    if action.level in {Level.SERIES, Level.INSTANCE}:
        assert path.startswith(f"/pacs/ui/studies/{stored.study_uid}/structures?series=")
        assert path.endswith("&process=1") is (action.name == "process")
    else:
        assert path == f"/pacs/ui/{action.path.replace(RESOURCE, stored.targets(action))}"
    explorer.go_back()
    expect(link).to_be_visible()


def test_images_are_not_offered_what_structure_sets_are(explorer: Page, stored: Stored) -> None:
    """From one to the other the page stays, and must not keep the links of the former."""
    links = explorer.locator("#series ul.pacs-suite a")
    explorer.goto(stored.page(Level.SERIES))
    expect(links).to_have_count(2)
    explorer.goto(f"{stored.stack.url}/app/explorer.html#series?uuid={stored.image_series}")
    expect(links).to_have_count(0)
    explorer.goto(stored.page(Level.SERIES))
    expect(links).to_have_count(2)
    series = stored.resources[Level.SERIES]
    expect(links.first).to_have_attribute("href", f"../pacs/ui/series/{series}/structures?process=1")


@pytest.mark.parametrize("page", ["lookup", "find-studies", "find-patients"])
def test_lists_lead_to_the_studies_of_both_archives_and_to_jobs(
    explorer: Page, stored: Stored, page: str
) -> None:
    for name, path in (("all", "studies"), ("jobs", "jobs")):
        explorer.goto(f"{stored.stack.url}/app/explorer.html#{page}")
        with explorer.expect_navigation():
            explorer.locator(f"#pacs-suite-{name}-{page}").click()
        assert urlsplit(explorer.url).path == f"/pacs/ui/{path}"


def test_the_actions_speak_the_language_of_the_browser(browser: Browser, stored: Stored) -> None:
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(stored.page(Level.STUDY))
    expect(page.locator("#pacs-suite-study-compare")).to_have_text("Comparer Orthanc et DCM4CHEE")
    context.close()


def test_every_button_of_explorer_2_leads_to_a_page_that_is_there(stored: Stored) -> None:
    """As Orthanc Explorer 2 fills them: on a page at ``ui/app/``, with nothing encoded, many chosen."""
    studies = ",".join([stored.resources[Level.STUDY]] * 400)
    for level, buttons in custom_buttons().items():
        for button in buttons:
            filled = (
                button["Url"]
                .replace("{UUID}", stored.resources[Level(level)])
                .replace("{CommaSeparatedUUIDs}", studies)
            )
            answer = stored.stack.get(urljoin("/ui/app/", filled), allow_redirects=False)
            if answer.is_redirect:
                target = answer.headers["Location"]
                away = urlsplit(target).netloc != ""
                answer = requests.get(target, timeout=60) if away else stored.stack.get(target)
            assert answer.status_code == 200, button
            assert answer.headers["Content-Type"].startswith("text/html"), button
            assert "app.js" in answer.text or "/viewer/" in answer.url, button


def test_a_link_that_leads_to_nothing_is_a_page_to_read(explorer: Page, stored: Stored) -> None:
    absent = "11111111-11111111-11111111-11111111-11111111"
    for origin in (stored.stack.url, stored.stack.front):
        explorer.goto(f"{origin}/pacs/ui/open/dcm4chee/{absent}")
        expect(explorer.get_by_role("heading", level=1)).to_have_text("Orthanc does not hold this")
        check_accessible(explorer)


def test_a_study_is_de_identified_from_its_page(stored: Stored, visit: Visit) -> None:
    page = visit(stored.page(Level.STUDY))
    answer = page.locator("#pacs-suite-anonymize-answer")
    expect(answer).to_be_hidden()
    page.get_by_text("De-identify, check and send").click()
    expect(answer).to_have_text(
        re.compile(r"^certified, project trial, profile basic, dates removed, DEID-\w{16}, folder")
    )
    expect(answer).to_be_visible()
    assert answer.evaluate(
        "one => one.getBoundingClientRect().right <= one.closest('li').getBoundingClientRect().right"
    )
