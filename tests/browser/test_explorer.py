"""The page of a study in Orthanc Explorer has a button that de-identifies, checks and sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from orthanc_plugins.certificates import create_signing_key
from orthanc_plugins.projects import Custodian
from tests.builders import ImageFrame, build_case
from tests.stack import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.conftest import Visit
    from tests.stack import Stack


@pytest.fixture(scope="module")
def researching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A suite with a project whose studies go to a folder."""
    data = tmp_path_factory.mktemp("researching")
    outgoing = data / "outgoing"
    outgoing.mkdir()
    project = {"Name": "trial", "Destination": {"Kind": "folder", "Folder": str(outgoing)}}
    Custodian(data / "custody", data / "audit").create("trial")
    create_signing_key(data / "custody")
    with running_stack(data, front=True, PacsSuite={"Deidentification": {"Projects": [project]}}) as stack:
        stack.wait_until_healthy()
        yield stack


def test_a_study_is_de_identified_from_its_page(researching: Stack, visit: Visit, tmp_path: Path) -> None:
    frame = ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0)
    build_case(frame=frame, regions=1).write(tmp_path / "case")
    researching.receive(tmp_path / "case")
    (study,) = researching.get("/studies").json()
    page = visit(f"{researching.url}/app/explorer.html#study?uuid={study}")
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
