"""Jobs are listed, looked into while they run, cancelled and done again from the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible
from tests.builders import ImageFrame, build_case
from tests.stack import eventually

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


def test_a_job_that_waits_is_cancelled_done_again_and_followed_to_its_end(
    suite: Suite, open_page: OpenPage
) -> None:
    case = build_case(frame=ImageFrame(size=(4, 32, 32)), regions=2, seed=4711)
    files = case.write(suite.folder / "waiting")
    study_uid = case.reference.study_uid
    suite.stack.receive(files[-1])
    eventually(lambda: suite.stack.jobs_of(study_uid), "the structure set has a job")
    page = open_page(f"jobs?study={study_uid}", language="fr")
    row = page.get_by_role("row").filter(has_text=study_uid)
    expect(row).to_contain_text("en attente")
    expect(row).to_contain_text("Aucune image sur laquelle il est tracé")
    expect(row).to_contain_text("reprend de lui-même")
    check_accessible(page)
    row.get_by_role("link", name="Traiter des structures RT").press("Enter")
    state = page.locator("main p[role=status]")
    page.get_by_role("button", name="Annuler la tâche").click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler la tâche").click()
    expect(state).to_contain_text("annulée")
    assert suite.stack.jobs_of(study_uid)[0]["state"] == "cancelled"
    page.get_by_role("button", name="Recommencer").click()
    expect(state).to_contain_text("en attente")
    suite.stack.receive(*files[:-1])
    expect(state).to_contain_text("réussie")
    expect(page.get_by_role("row").filter(has_text="Lecture des contours")).to_contain_text("terminée")
    expect(page.get_by_role("link", name="Résultats RT")).to_have_attribute(
        "href", re.compile(f"/studies/{study_uid}/structures")
    )
    check_accessible(page)


def test_jobs_are_chosen_by_state_and_kind_and_what_is_no_study_is_told(
    suite: Suite, open_page: OpenPage
) -> None:
    study_uid = suite.receive().reference.study_uid
    eventually(lambda: suite.stack.jobs_of(study_uid), "the structure set has a job")
    page = open_page("jobs", width=420, appearance="dark", may_fail=("api/jobs", "422"))
    expect(page.get_by_role("row").filter(has_text=study_uid)).to_be_visible()
    check_accessible(page)
    page.get_by_label("What").select_option(label="Undo a repair")
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    page.get_by_label("What").select_option(label="all")
    expect(page.get_by_role("row").filter(has_text=study_uid)).to_be_visible()  # the view of the new address
    page.get_by_label("Study UID").fill('"><script>alert(1)</script>')
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This cannot be shown.")
    suite.stack.post(f"/pacs/api/studies/{study_uid}/forward", json={}).raise_for_status()
    [study] = suite.stack.post("/tools/lookup", data=study_uid).json()
    page.get_by_label("Study UID").fill(study["ID"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Transfer a study")).to_be_visible()
    expect(page.get_by_role("link", name="Process RT structures")).to_be_visible()


def test_a_job_that_is_not_there_is_told(open_page: OpenPage) -> None:
    page = open_page("jobs/no-such-job", may_fail=("404",))
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")
