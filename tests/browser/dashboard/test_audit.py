"""The audit trail is searched, leafed through, saved and verified from the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


@pytest.fixture(scope="module")
def records(suite: Suite) -> None:
    for _ in range(55):
        suite.stack.get("/pacs/api/audit?limit=1").raise_for_status()


@pytest.mark.usefixtures("records")
def test_the_trail_is_leafed_through_and_filtered(open_page: OpenPage) -> None:
    page = open_page("audit")
    rows = page.get_by_role("table", name="Audit").locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("Audit read")
    check_accessible(page)
    first = int(rows.first.locator("td").first.inner_text())
    page.get_by_role("link", name="Older records").click()
    expect(page).to_have_url(re.compile("before="))
    expect(rows.first.locator("td").first).to_have_text(str(first - 50))
    page.get_by_role("link", name="The newest").click()
    expect(rows.first).to_contain_text("Audit read")
    page.get_by_label("What").select_option(label="Security alert")
    expect(page.get_by_text("No record is like that.")).to_be_visible()
    page.get_by_label("What").select_option(label="all")
    page.get_by_label("Who").fill("nobody <script>alert(1)</script>")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No record is like that.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Who")).to_have_value("nobody <script>alert(1)</script>")


@pytest.mark.usefixtures("records")
def test_what_is_shown_is_saved_for_others(open_page: OpenPage) -> None:
    page = open_page("audit", language="fr")
    with page.expect_download() as started:
        page.get_by_role("link", name="FHIR R4").click()
    bundle = json.loads(Path(started.value.path()).read_text(encoding="utf-8"))
    assert bundle["resourceType"] == "Bundle"
    assert len(bundle["entry"]) == 50


@pytest.mark.usefixtures("records")
def test_a_whole_trail_and_a_broken_one_are_told(open_page: OpenPage) -> None:
    page = open_page("audit")
    page.get_by_role("button", name="Check that nothing was changed").click()
    expect(page.get_by_text("The trail is whole: all")).to_be_visible()
    broken = {
        "whole": False,
        "records": 7,
        "broken": {"sequence": 8, "fault": "altered"},
        "torn_bytes": 0,
        "recorded": False,
    }
    page.route(re.compile("api/audit/verify"), lambda route: route.fulfill(json=broken))
    page.get_by_role("button", name="Check that nothing was changed").click()
    expect(page.get_by_text("The trail breaks at record 8: the record was altered.")).to_be_visible()
    expect(page.get_by_text("could not be recorded")).to_be_visible()
    check_accessible(page)
