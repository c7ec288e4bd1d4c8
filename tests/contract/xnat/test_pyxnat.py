"""pyxnat as it is, against the stand-in."""

from __future__ import annotations

import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.xnat.site import build_study, zip_of
from tests.xnat_process import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.xnat.site import Site

Interface: Any = import_module("pyxnat").Interface  # by name: it has no types
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def interface(site: Site) -> Iterator[Any]:
    connected = Interface(site.process.url, user="admin", password=PASSWORD)
    yield connected
    connected.disconnect()


def test_it_makes_and_deletes_a_project(interface: Any, site: Site) -> None:
    name = f"{site.project}X"
    project = interface.select.project(name)
    assert not project.exists()
    project.create()
    assert interface.select.project(name).exists()
    assert project.prearchive_code() == 4
    project.set_prearchive_code("0")
    assert project.prearchive_code() == 0
    project.delete()
    assert not interface.select.project(name).exists()


def test_it_makes_a_session_with_a_scan_and_files(interface: Any, site: Site, tmp_path: Path) -> None:
    packed = tmp_path / "files.zip"
    packed.write_bytes(zip_of(build_study(), **{"more/readme.txt": b"read"}))
    experiment = interface.select.project(site.project).subject("S1").experiment("E1")
    experiment.create()
    assert experiment.exists()
    scan = experiment.scan("2")
    scan.create()
    resource = scan.resource("DICOM")
    resource.put_zip(str(packed), format="DICOM", content="RAW", tags="T", extract=True)
    assert sorted(resource.files().get()) == ["0000.dcm", "0001.dcm", "0002.dcm", "readme.txt"]
    (row,) = site.rows(f"/data/projects/{site.project}/experiments/E1/scans/2/resources")
    assert (row["label"], row["format"], row["content"], row["file_count"]) == ("DICOM", "DICOM", "RAW", "4")
    back = tmp_path / "back"
    back.mkdir()
    (copied,) = [path for path in resource.get(str(back), extract=False).split("\n") if path]
    with zipfile.ZipFile(copied) as archive:
        assert len(archive.namelist()) == 4


def test_it_sends_to_the_import_service_and_lists_the_prearchive(
    interface: Any, site: Site, tmp_path: Path
) -> None:
    packed = tmp_path / "study.zip"
    packed.write_bytes(zip_of(build_study()))
    parameters = {"dest": f"/prearchive/projects/{site.project}", "subject": "S1", "session": "E1"}
    with packed.open("rb") as content:
        answer = interface.post("/data/services/import", params=parameters, files={"image_archive": content})
    assert answer.status_code == 200
    listed = interface.manage.prearchive.get()
    assert any(entry[0] == site.project for entry in listed)


def test_what_is_archived_is_found(interface: Any, site: Site) -> None:
    site.archived(build_study())
    project = interface.select.project(site.project)
    assert project.subject("S1").exists()
    assert project.subject("S1").experiment("E1").label() == "E1"
    assert sorted(project.subject("S1").experiment("E1").scans().get()) == ["2", "3"]


def test_sessions_and_scans_are_found_over_all_projects(interface: Any, site: Site) -> None:
    site.archived(build_study())
    asked = {"project_id": site.project}
    (session,) = interface.array.experiments(experiment_type="xnat:ctSessionData", **asked).data
    subject = interface.select.project(site.project).subject("S1").id()
    assert session["xnat:ctsessiondata/subject_id"] == subject
    assert interface.array.mrsessions(**asked).data == []
    scans = interface.array.scans(**asked).data
    assert [(row["ID"], row["xnat:imagescandata/id"]) for row in scans] == [
        (session["ID"], "2"),
        (session["ID"], "3"),
    ]
    (ct,) = interface.array.scans(scan_type="xnat:ctScanData", **asked).data
    assert ct["xnat:ctscandata/id"] == "2"
    assert len(interface.array.scans(subject_label="S1", **asked).data) == 2
    assert interface.array.scans(subject_label="S2", **asked).data == []
    assert interface.array.scans(experiment_label="E2", **asked).data == []


def test_a_wrong_password_is_told(site: Site) -> None:
    interface = Interface(site.process.url, user="admin", password="wrong")
    assert interface.get("/data/projects").status_code == 401
