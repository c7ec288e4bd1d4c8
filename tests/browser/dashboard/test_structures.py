"""RT structure sets in the dashboard: results, pictures, scene and files, made again, compared."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from pydicom.uid import generate_uid

from tests.browser.dashboard.conftest import check_accessible
from tests.builders import ImageFrame, build_case, build_dose, uniform
from tests.stack import eventually

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite

HOSTILE = "<script>alert(1)</script>\"'&\u202egnp.exe"
LONG = "w" * 10_000


@pytest.mark.filterwarnings("ignore:The value length")
def test_the_regions_of_a_study_are_seen_downloaded_and_made_again(suite: Suite, open_page: OpenPage) -> None:
    case = build_case(frame=ImageFrame(size=(4, 64, 64), spacing_mm=(4.0, 4.0)), regions=3, seed=5001)
    named = case.copied_structure_set()
    first, second, _ = named.StructureSetROISequence
    first.ROIName, second.ROIName = HOSTILE, LONG
    case.with_structure_set(named).write(suite.folder / "hostile")
    dose = build_dose(case, uniform(2.5), spacing_mm=(5, 5, 5), seed=5001)
    dose.save_as(suite.folder / "hostile" / "images" / "dose.dcm", enforce_file_format=True)
    suite.stack.receive(suite.folder / "hostile" / "images", suite.folder / "hostile" / "rtstruct.dcm")
    study_uid = case.reference.study_uid
    job = suite.stack.job_in_state(study_uid, "succeeded")
    page = open_page(f"studies/{study_uid}/structures")
    rows = page.get_by_role("table", name="Regions").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first.locator("bdi").first).to_have_text(HOSTILE)
    expect(rows.nth(1)).to_contain_text("Show all")
    volume = suite.stack.results(job["series_uid"])["results"]["regions"][2]["volume_cc"]
    expect(rows.nth(2)).to_contain_text(f"{volume:,.2f}")
    doses = page.get_by_role("table", name="Dose PLAN (Gy)")
    expect(doses.get_by_role("columnheader", name="D95% (Gy)")).to_be_visible()
    expect(doses.locator("tbody tr").nth(2)).to_contain_text("2.50")
    picture = page.get_by_role("img", name="All regions on the images")
    picture.scroll_into_view_if_needed()
    eventually(lambda: picture.evaluate("image => image.naturalWidth") > 0, "the picture is shown")
    check_accessible(page)
    scene = page.frame_locator("iframe.scene")
    page.locator("iframe.scene").scroll_into_view_if_needed()
    expect(scene.get_by_role("checkbox")).to_have_count(3)
    scene.locator("canvas").press("ArrowLeft")
    with page.expect_download() as started:
        page.get_by_role("link", name="Regions as a table").click()
    table = list(csv.DictReader(Path(started.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert [row["name"] for row in table][:2] == [HOSTILE, LONG]
    with page.expect_download() as started:
        page.get_by_role("link", name="Numbers (JSON)").click()
    numbers = json.loads(Path(started.value.path()).read_text(encoding="utf-8"))
    assert numbers["regions"][0]["name"] == HOSTILE
    page.get_by_role("button", name="Process again").press("Enter")
    expect(page.get_by_role("status").filter(has_text="It has been asked for.")).to_be_visible()
    phases = page.get_by_role("table", name="Phases")
    expect(phases.get_by_role("row").filter(has_text="Publish")).to_contain_text("done")
    again = suite.stack.job_in_state(study_uid, "succeeded")
    assert again["job_id"] == job["job_id"]
    assert again["requested_at"] > job["requested_at"]
    check_accessible(page)


def test_of_several_sets_one_is_chosen_and_compared_with_another(suite: Suite, open_page: OpenPage) -> None:
    case = suite.receive()
    other = case.copied_structure_set()
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["other"])
    other.SeriesInstanceUID = generate_uid(entropy_srcs=["other series"])
    path = suite.folder / "other.dcm"
    other.save_as(path, enforce_file_format=True)
    suite.stack.receive(path)
    study_uid = case.reference.study_uid
    eventually(
        lambda: [one["state"] for one in suite.stack.jobs_of(study_uid)] == ["succeeded"] * 2,
        "both sets have results",
    )
    page = open_page(f"studies/{study_uid}/structures", language="fr", width=420)
    expect(page.get_by_text("en a 2. Choisissez-en un")).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name=other.SOPInstanceUID).click()
    page.get_by_role("button", name="Comparer").click()
    compared = page.get_by_role("table", name="Comparaison").locator("tbody tr")
    expect(compared).to_have_count(2)
    expect(compared.first).to_contain_text("1,000")
    check_accessible(page)
    [series] = suite.stack.post("/tools/lookup", data=other.SeriesInstanceUID).json()
    page.goto(f"{suite.stack.front}/pacs/ui/series/{series['ID']}/structures?process=1")
    expect(page.get_by_role("button", name="Traiter de nouveau")).to_have_class(re.compile("primary"))
    page.goto(f"{suite.stack.front}/pacs/ui/structures")
    expect(page.get_by_role("link", name=other.SOPInstanceUID)).to_be_visible()
    check_accessible(page)
    page.get_by_label("Lesquelles").select_option(label="échouées")
    expect(page.get_by_text("Aucun ensemble de structures ne correspond.")).to_be_visible()


def test_a_study_without_sets_and_a_route_that_refuses_are_told(open_page: OpenPage) -> None:
    page = open_page("studies/1.2.3.4.5/structures", may_fail=("404", "403", "api/"))
    expect(page.get_by_text("No RT structure set of this study is known.")).to_be_visible()
    page.get_by_role("button", name="Look for one").click()
    expect(page.get_by_text("Orthanc does not hold this study.")).to_be_visible()
    check_accessible(page)
    page.route("**/api/rtstruct?**", lambda route: route.fulfill(status=403, body="{}"))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("You may not see this.")
