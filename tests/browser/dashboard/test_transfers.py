"""Transfers are listed and looked into; what failed is sent again from the page, and a rule is tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible
from tests.stack import eventually

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


def forwarded(suite: Suite, study_uid: str) -> dict[str, object]:
    """Send a study on, and return the transfer as it was answered."""
    answer = suite.stack.post(f"/pacs/api/studies/{study_uid}/forward", json={})
    told: dict[str, object] = answer.json()
    return told


def held_by_dcm4chee(suite: Suite, study_uid: str) -> int:
    answer = requests.get(
        f"{suite.dcm4chee.url}/instances", params={"StudyInstanceUID": study_uid}, timeout=30
    )
    return len(answer.json()) if answer.status_code == requests.codes.ok else 0


def test_a_transfer_is_followed_from_the_list_to_its_instances(suite: Suite, open_page: OpenPage) -> None:
    study_uid = suite.receive().reference.study_uid
    assert forwarded(suite, study_uid)["state"] == "verified"
    page = open_page("transfers")
    row = page.get_by_role("row").filter(has_text=study_uid)
    expect(row).to_contain_text("5 of 5 verified")
    check_accessible(page)
    page.get_by_label("State").select_option(label="failed")
    expect(page).to_have_url(re.compile("state=failed"))
    expect(row).to_have_count(0)
    page.get_by_label("State").select_option(label="verified")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Transfer")
    expect(page.get_by_role("table", name="Its instances").locator("tbody tr")).to_have_count(5)
    check_accessible(page)


def test_what_failed_is_sent_again_once_the_archive_is_back(suite: Suite, open_page: OpenPage) -> None:
    study_uid = suite.receive().reference.study_uid
    suite.dcm4chee.stop()
    try:
        asked = suite.stack.post(f"/pacs/api/studies/{study_uid}/forward", json={"synchronous": False}).json()
        page = open_page(f"transfers/{asked['transfer_id']}", language="fr", may_fail=("api/",))
        expect(page.get_by_text("une archive ne répond pas")).to_be_visible()
        page.get_by_role("button", name="Annuler le transfert").click()
        page.get_by_role("dialog").get_by_role("button", name="Annuler le transfert").click()
        expect(page.get_by_text("Le transfert est annulé.")).to_be_visible()
    finally:
        suite.dcm4chee.start()
    assert held_by_dcm4chee(suite, study_uid) == 0
    page.get_by_role("button", name="Envoyer ce qui manque").click()
    eventually(lambda: held_by_dcm4chee(suite, study_uid) == 5, "the archive holds the study")
    expect(page.locator("main p .badge", has_text="vérifié").first).to_be_visible()


def test_a_transfer_that_is_not_there_is_told(open_page: OpenPage) -> None:
    page = open_page("transfers/no.such.transfer", may_fail=("404",))
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")


def test_a_rule_is_tried_on_what_came(suite: Suite, open_page: OpenPage) -> None:
    study_uid = suite.receive().reference.study_uid
    page = open_page("rules")
    expect(page.get_by_role("row").filter(has_text="tomography")).to_contain_text("modality CT")
    check_accessible(page)
    page.get_by_role("button", name="Try it").click()
    trial = page.get_by_role("table", name="What “tomography” would have sent")
    expect(trial.get_by_role("row").filter(has_text=study_uid)).to_contain_text("matches")
    expect(page.get_by_text("nothing was sent")).to_be_visible()
    check_accessible(page)
    assert held_by_dcm4chee(suite, study_uid) == 0
