"""How both archives are kept in step is shown, and a round is asked for from the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible
from tests.stack import eventually

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


def test_a_round_is_asked_for_and_told(suite: Suite, open_page: OpenPage) -> None:
    page = open_page("sync")
    expect(page.get_by_text("nothing: differences are only shown")).to_be_visible()
    check_accessible(page)
    page.get_by_role("button", name="Synchronise now").click()
    expect(page.get_by_text("A round has been asked for.")).to_be_visible()

    def asked_for() -> bool:
        runs = suite.stack.get("/pacs/api/sync/history?cause=request").json()["runs"]
        return any(run["state"] == "succeeded" for run in runs)

    eventually(asked_for, "the round asked for has ended")
    expect(page.locator("tbody").get_by_text("asked for").first).to_be_visible()


def test_listing_everything_asks_first(suite: Suite, open_page: OpenPage) -> None:
    page = open_page("sync", language="fr")
    before = suite.stack.get("/pacs/api/sync/status").json()["archives"]["orthanc"]["full_pass_at"]
    page.get_by_role("button", name="Tout relister").click()
    dialog = page.get_by_role("dialog")
    check_accessible(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Tout relister").click()
    dialog.get_by_role("button", name="Tout relister").click()
    expect(page.get_by_text("Un passage a été demandé.")).to_be_visible()

    def listed() -> bool:
        archives = suite.stack.get("/pacs/api/sync/status").json()["archives"]
        return bool(archives["orthanc"]["full_pass_at"] != before)

    eventually(listed, "everything has been listed anew")


def test_what_was_deleted_may_be_sent_again(suite: Suite, open_page: OpenPage) -> None:
    study_uid = suite.receive().reference.study_uid
    found = suite.stack.post("/tools/lookup", data=study_uid).json()
    study = next(one["ID"] for one in found if one["Type"] == "Study")

    def changes() -> list[str]:
        events = suite.stack.get(f"/pacs/api/sync/events?study={study_uid}").json()["events"]
        return [event["kind"] for event in events]

    eventually(lambda: "appeared" in changes(), "the study has been noticed")
    suite.stack.delete(f"/studies/{study}")
    eventually(lambda: "disappeared" in changes(), "its deletion has been noticed")
    page = open_page("sync?list=events")
    expect(page.get_by_role("row").filter(has_text=study_uid).first).to_contain_text("disappeared")
    page.get_by_role("link", name="Gone, and not sent again").click()
    gone = page.get_by_role("table", name="Gone, and not sent again")
    row = gone.get_by_role("row").filter(has_text=study_uid)
    expect(row).to_contain_text("deleted")
    check_accessible(page)
    row.get_by_role("button", name="Allow again").click()
    page.get_by_role("dialog").get_by_role("button", name="Allow again").click()
    expect(page.get_by_text("It may be sent again.")).to_be_visible()
    expect(row).to_have_count(0)
    lifted = suite.stack.get(f"/pacs/api/sync/tombstones?study={study_uid}&lifted=true").json()
    assert lifted["total"] == 1


def test_without_a_second_archive_it_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page("sync")
    page.route(
        re.compile("api/sync/status"),
        lambda route: route.fulfill(json={"state": "not_configured", "holds": []}),
    )
    page.reload()
    expect(page.get_by_text("There is no second archive")).to_be_visible()
    expect(page.get_by_text("DCM4CHEE_URL")).to_be_visible()
