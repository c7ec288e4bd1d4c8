"""Files are sent from the page; each one's outcome is told, and the studies received are linked."""

from __future__ import annotations

import base64
import re
import zipfile
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible
from tests.builders import ImageFrame, build_case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.dashboard.conftest import OpenPage, Suite

_FRAME = ImageFrame(size=(3, 16, 16), spacing_mm=(4.0, 4.0), gap_mm=3.0)
_DROP = """([place, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  place.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}"""


def test_a_folder_is_stored_and_its_study_linked(suite: Suite, open_page: OpenPage, tmp_path: Path) -> None:
    case = build_case(frame=_FRAME, regions=1, seed=77)
    case.write(tmp_path / "case")
    page = open_page("upload")
    check_accessible(page)
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "case")
    expect(page.get_by_text("Every file is stored.")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="4 stored")).to_be_visible()
    check_accessible(page)
    study = suite.stack.post("/tools/lookup", data=case.reference.study_uid).json()[0]["ID"]
    assert len(suite.stack.get(f"/studies/{study}/instances").json()) == 4
    link = page.get_by_role("link", name="Open the study")
    assert (link.get_attribute("href") or "").endswith(f"/pacs/ui/studies/{study}")


def test_what_is_no_dicom_is_told_with_its_reason_and_the_rest_is_stored(
    open_page: OpenPage, tmp_path: Path
) -> None:
    build_case(frame=_FRAME, regions=1, seed=78).write(tmp_path / "case")
    hostile = tmp_path / "<script>alert(1)<&'.txt"
    hostile.write_text("no image", encoding="utf-8")
    packed = tmp_path / "study.zip"
    with zipfile.ZipFile(packed, "w") as files:
        for path in sorted((tmp_path / "case").rglob("*.dcm")):
            files.write(path, path.name)
        files.write(hostile, "inside/notes.txt")
    page = open_page("upload", may_fail=("422",))
    page.get_by_label("Choose files").set_input_files([packed, hostile])
    outcomes = page.get_by_role("status").filter(has_text="not stored")
    expect(outcomes).to_contain_text("4 stored")
    expect(outcomes).to_contain_text("2 not stored")
    expect(page.get_by_text("<script>alert(1)<&'.txt")).to_be_visible()
    expect(page.get_by_text("study.zip / inside/notes.txt")).to_be_visible()
    expect(page.get_by_text("Orthanc cannot read it as DICOM").first).to_be_visible()
    page.get_by_label("Only what needs attention").check()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Clear the list").click()
    expect(page.get_by_text("No file yet.")).to_be_visible()


def test_what_is_dropped_twice_is_already_there(open_page: OpenPage, tmp_path: Path) -> None:
    build_case(frame=_FRAME, regions=1, seed=79).write(tmp_path / "case")
    file = next((tmp_path / "case").rglob("*.dcm"))
    content = base64.b64encode(file.read_bytes()).decode()
    page = open_page("upload", language="fr")
    for outcome in ("enregistré", "déjà présent"):
        place = page.locator(".drop").element_handle()
        page.evaluate(_DROP, [place, file.name, content])
        expect(page.locator("tbody .badge", has_text=outcome)).to_have_count(1)


def test_what_was_not_answered_is_sent_again_on_demand(open_page: OpenPage, tmp_path: Path) -> None:
    build_case(frame=_FRAME, regions=1, seed=80).write(tmp_path / "case")
    files = sorted((tmp_path / "case").rglob("*.dcm"))
    page = open_page("upload", may_fail=("api/upload",))
    page.route(re.compile("api/upload"), lambda route: route.abort())
    page.get_by_label("Choose files").set_input_files(files)
    expect(page.get_by_role("status").filter(has_text="4 not sent")).to_be_visible()
    expect(page.get_by_text("Nothing is known of this file").first).to_be_visible()
    page.unroute(re.compile("api/upload"))
    page.get_by_role("button", name="Send again what failed").click()
    expect(page.get_by_text("Every file is stored.")).to_be_visible()


def test_sending_goes_on_while_another_view_is_shown(open_page: OpenPage, tmp_path: Path) -> None:
    build_case(frame=_FRAME, regions=1, seed=81).write(tmp_path / "case")
    page = open_page("upload")
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "case")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("link", name="Upload").click()
    expect(page.get_by_text("Every file is stored.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(4)


def test_thousands_of_files_stay_fluid(open_page: OpenPage) -> None:
    page = open_page("upload", may_fail=("422", "api/upload"))
    page.route(
        re.compile("api/upload"),
        lambda route: route.fulfill(
            json={"files": [{"name": "body", "outcome": "stored", "study_id": "x", "reason": None}]}
        ),
    )
    page.evaluate(
        """async () => {
          const files = document.querySelector('meta[name=files]').content;
          const { uploads } = await import(`${files}core/uploads.js`);
          const file = new File(['x'], 'x');
          uploads.add(Array.from({ length: 300 }, (_, index) => ({ file, name: `f${index}` })));
        }"""
    )
    expect(page.get_by_role("status").filter(has_text="300 stored")).to_be_visible()
    expect(page.locator("main tbody tr")).to_have_count(200)
    expect(page.get_by_text("and 100 more files")).to_be_visible()
