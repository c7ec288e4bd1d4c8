"""xnatpy as it is, against the stand-in."""

from __future__ import annotations

import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from tests.contract.xnat.site import build_study, zip_of
from tests.xnat_process import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.xnat.site import Site

# By name: it has no types, and mypy takes the folder xnat/ of this repository for it.
xnat: Any = import_module("xnat")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def connection(site: Site) -> Iterator[Any]:
    with xnat.connect(site.process.url, user="admin", password=PASSWORD, loglevel="ERROR") as session:
        yield session


def test_it_connects_and_tells_the_version(connection: Any) -> None:
    assert connection.xnat_version == "1.9.3"
    assert connection.logged_in_user == "admin"


def test_it_makes_a_subject(connection: Any, site: Site) -> None:
    project = connection.projects[site.project]
    subject = connection.classes.SubjectData(parent=project, label="S1")
    assert subject.label == "S1"
    assert project.subjects["S1"].id == subject.id
    assert subject.id.startswith("XNAT_S")


def test_it_imports_archives_and_downloads(connection: Any, site: Site, tmp_path: Path) -> None:
    packed = tmp_path / "study.zip"
    datasets = build_study()
    packed.write_bytes(zip_of(datasets))
    waiting = connection.services.import_(
        packed, destination=f"/prearchive/projects/{site.project}", subject="S1", experiment="E1"
    )
    assert waiting.status == "READY"
    (listed,) = connection.prearchive.sessions(project=site.project)
    assert (listed.label, listed.subject, listed.tag) == ("E1", "S1", datasets[0].StudyInstanceUID)
    assert sorted(scan.id for scan in listed.scans) == ["2", "3"]
    assert len(listed.scans["2"].files) == 2
    session = waiting.archive()
    assert session.__xsi_type__ == "xnat:ctSessionData"
    assert session.label == "E1"
    assert connection.prearchive.sessions(project=site.project) == []
    assert sorted(scan.id for scan in session.scans.values()) == ["2", "3"]
    assert session.scans["3"].__xsi_type__ == "xnat:rtImageScanData"
    assert session.scans["3"].resources["secondary"].file_count == 1
    session.download_dir(tmp_path)
    found = {str(dcmread(path).SOPInstanceUID) for path in tmp_path.rglob("*.dcm")}
    assert found == {str(one.SOPInstanceUID) for one in datasets}


def test_it_rebuilds_downloads_moves_and_deletes_what_waits(
    connection: Any, site: Site, tmp_path: Path
) -> None:
    other = f"{site.project}Z"
    site.put(f"/data/projects/{other}")
    packed, back = tmp_path / "study.zip", tmp_path / "back.zip"
    packed.write_bytes(zip_of(build_study()))
    waiting = connection.services.import_(
        packed, destination=f"/prearchive/projects/{site.project}", subject="S1", experiment="E1"
    )
    waiting.rebuild()
    waiting.download(str(back))
    with zipfile.ZipFile(back) as archive:
        assert len(archive.namelist()) == 3
    waiting.move(other)
    assert connection.prearchive.sessions(project=site.project) == []
    (moved,) = connection.prearchive.sessions(project=other)
    assert (moved.label, moved.status) == ("E1", "READY")
    moved.delete()
    assert connection.prearchive.sessions(project=other) == []


def test_it_imports_straight_into_the_archive(connection: Any, site: Site, tmp_path: Path) -> None:
    packed = tmp_path / "study.zip"
    packed.write_bytes(zip_of(build_study()))
    destination = f"/archive/projects/{site.project}/subjects/S1/experiments/E1"
    session = connection.services.import_(packed, destination=destination)
    assert (session.label, session.project) == ("E1", site.project)


def test_it_uploads_a_resource_and_reads_it_back(connection: Any, site: Site, tmp_path: Path) -> None:
    site.archived(build_study())
    session = connection.projects[site.project].experiments["E1"]
    report, back = tmp_path / "report.json", tmp_path / "back.json"
    report.write_text('{"findings": 0}', encoding="utf-8")
    resource = session.create_resource("REPORT")
    resource.upload(str(report), "report.json")
    resource.files["report.json"].download(str(back), verbose=False)
    assert back.read_text(encoding="utf-8") == '{"findings": 0}'
    dumped = session.scans["2"].dicom_dump(fields=["PatientID"])
    assert [row["value"] for row in dumped] == ["PSEUDO1"]


def test_its_tokens_log_in_and_end(connection: Any, site: Site) -> None:
    alias, secret = connection.services.issue_token()
    with xnat.connect(site.process.url, user=alias, password=secret, loglevel="ERROR") as session:
        assert session.logged_in_user == "admin"
    site.get(f"/data/services/tokens/invalidate/{alias}/{secret}")
    with pytest.raises(xnat.exceptions.XNATLoginFailedError):
        xnat.connect(site.process.url, user=alias, password=secret, loglevel="CRITICAL")


def test_disconnecting_ends_its_session(connection: Any, site: Site) -> None:
    key = connection.jsession
    cookies = {"JSESSIONID": key}
    assert site.http.get(f"{site.process.url}/data/auth", cookies=cookies, auth=None, timeout=10).ok
    connection.disconnect()
    site.http.auth = None
    site.http.cookies.clear()
    assert site.get("/data/auth", cookies=cookies).status_code == 401
