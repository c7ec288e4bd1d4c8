"""XNAT's client: one login, its answers as the suite's errors, and nothing told that may be a value."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives import BasicCredentials
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.archives.xnat import Xnat
from orthanc_plugins.archives.xnat_http import XnatHttp
from orthanc_plugins.archives.xnat_records import DownloadedFile, WaitingSession
from orthanc_plugins.archives.xnat_sessions import unpacked
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from tests.fakes.scripted_archive import Exchange, ScriptedArchive, scripted_archive

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789ABCDEF0123456789ABCDEF"
LOGIN = Exchange("POST //data/JSESSION", {"status": 200, "text": KEY}, again=True)
ROWS = "GET //data/prearchive/projects/P"
PAGE = {
    "status": 200,
    "text": "<!DOCTYPE html><title>Login</title>",
    "headers": {"Content-Type": "text/html"},
}


def xnat_at(archive: ScriptedArchive, attempts: int = 1) -> Xnat:
    policy = RetryPolicy(attempts=attempts, first_wait_s=0.0)
    http = XnatHttp(archive.root, BasicCredentials("user", "pa:ss"), policy=policy, clocks=ticking())
    return Xnat(http)


def ticking() -> Clocks:
    """Return clocks of which a wait is over at once."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    return Clocks(seconds=lambda: passed[0], sleep=sleep)


def row(status: str, changed: str = "1") -> dict[str, str]:
    return {
        "project": "P",
        "name": "E",
        "tag": "1.2",
        "status": status,
        "lastmod": changed,
        "url": "/prearchive/projects/P/20260101_010101001/E",
    }


def rows(*found: dict[str, str], again: bool = False) -> Exchange:
    answer = {"status": 200, "json": {"ResultSet": {"Result": list(found)}}}
    return Exchange(ROWS, answer, again=again)


def refusal(status: int, text: str = "") -> dict[str, Any]:
    return {"status": status, "text": f"<html><body><h3>{text}</h3></body></html>"}


def test_it_logs_in_once_with_its_password_and_then_says_its_session() -> None:
    with scripted_archive(LOGIN, rows(again=True)) as archive:
        xnat = xnat_at(archive)
        xnat.prearchive.waiting("P")
        xnat.prearchive.waiting("P")
        assert archive.lines() == ["POST //data/JSESSION", ROWS, ROWS]
        login, *others = archive.asked
    assert login.headers["Authorization"] == "Basic dXNlcjpwYTpzcw=="
    assert [one.headers.get("Authorization") for one in others] == [None, None]
    assert {one.headers["Cookie"] for one in others} == {f"JSESSIONID={KEY}"}
    assert {one.headers["User-Agent"] for one in archive.asked} == {"orthanc-pacs-suite"}


@pytest.mark.parametrize(
    "ended",
    [refusal(401), PAGE, {"status": 302, "headers": {"Location": "/app/template/Login.vm"}}],
    ids=["401", "page", "sent to the login"],
)
def test_a_login_that_ended_is_made_again_and_only_once(ended: dict[str, Any]) -> None:
    with scripted_archive(LOGIN, Exchange(ROWS, ended), rows()) as archive:
        xnat_at(archive).prearchive.waiting("P")
        assert archive.lines() == ["POST //data/JSESSION", ROWS, "POST //data/JSESSION", ROWS]
    with scripted_archive(LOGIN, Exchange(ROWS, ended, again=True)) as archive:
        with pytest.raises(ArchiveRefused):
            xnat_at(archive).prearchive.waiting("P")
        assert len(archive.lines()) == 4


def test_a_wrong_password_is_refused_with_what_to_do() -> None:
    with (
        scripted_archive(Exchange("POST //data/JSESSION", refusal(401))) as archive,
        pytest.raises(ArchiveRefused, match="check user and password"),
    ):
        xnat_at(archive).prearchive.waiting("P")


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504, 507])
def test_what_may_pass_is_unavailable(status: int) -> None:
    answer = Exchange(ROWS, refusal(status))
    with scripted_archive(LOGIN, answer) as archive, pytest.raises(ArchiveUnavailable) as failed:
        xnat_at(archive).prearchive.waiting("P")
    assert (failed.value.archive, failed.value.status) == ("xnat", status)


@pytest.mark.parametrize("status", [302, 400, 403, 405, 409, 413, 417])
def test_what_does_not_pass_is_refused(status: int) -> None:
    answer = Exchange(ROWS, refusal(status))
    with scripted_archive(LOGIN, answer) as archive, pytest.raises(ArchiveRefused) as failed:
        xnat_at(archive).prearchive.waiting("P")
    assert (type(failed.value), failed.value.status) == (ArchiveRefused, status)


def test_what_is_not_there_is_not_found() -> None:
    with scripted_archive(LOGIN, Exchange(ROWS, refusal(404))) as archive, pytest.raises(NotFound):
        xnat_at(archive).prearchive.waiting("P")


def test_something_else_than_rows_is_refused() -> None:
    for answer in ({"status": 200, "text": "hello"}, {"status": 200, "json": {"rows": []}}):
        with (
            scripted_archive(LOGIN, Exchange(ROWS, answer)) as archive,
            pytest.raises(ArchiveRefused, match="something else than expected"),
        ):
            xnat_at(archive).prearchive.waiting("P")


def test_reading_is_tried_again_and_an_import_or_archiving_never(tmp_path: Path) -> None:
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip")
    posted = ("POST //data/services/import", "POST //data/services/archive")
    with scripted_archive(
        LOGIN,
        Exchange("GET //data/JSESSION", {"status": 200, "text": KEY}),
        Exchange(ROWS, refusal(503)),
        rows(),
        *(Exchange(one, refusal(503)) for one in posted),
    ) as archive:
        xnat = xnat_at(archive, attempts=3)
        assert xnat.prearchive.waiting("P") == ()
        with pytest.raises(ArchiveUnavailable):
            xnat.prearchive.import_zip(zipped, project="P", subject="S", session="E")
        waiting = WaitingSession("P", "E", "/prearchive/projects/P/T/E", "1.2", "READY", "")
        with pytest.raises(ArchiveUnavailable):
            xnat.prearchive.archive(waiting, project="P", subject="S", session="E")
        assert [line for line in archive.lines() if line in posted] == list(posted)


def test_an_import_says_where_it_goes_and_what_it_is(tmp_path: Path) -> None:
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip")
    told = "/data/prearchive/projects/P/T/E\r\n/data/prearchive/projects/P/T2/E\r\n"
    with scripted_archive(
        LOGIN,
        Exchange("GET //data/JSESSION", {"status": 200, "text": KEY}),
        Exchange("POST //data/services/import", {"status": 200, "text": told}),
    ) as archive:
        uris = xnat_at(archive).prearchive.import_zip(zipped, project="P", subject="S", session="E")
        sent = archive.asked[-1]
    assert uris == ("/data/prearchive/projects/P/T/E", "/data/prearchive/projects/P/T2/E")
    assert (sent.body, sent.headers["Content-Type"]) == (b"zip", "application/zip")
    assert sent.query == {
        "import-handler": "DICOM-zip",
        "inbody": "true",
        "dest": "/prearchive/projects/P",
        "project": "P",
        "subject": "S",
        "session": "E",
        "overwrite": "append",
    }


def test_what_is_in_work_is_waited_for_until_a_deadline() -> None:
    with scripted_archive(
        LOGIN, rows(row("ARCHIVING")), rows(row("_BUILDING")), rows(row("READY"))
    ) as archive:
        settled = xnat_at(archive).prearchive.settled("P", "1.2", deadline_s=60, quiet_s=10)
        assert [one.status for one in settled] == ["READY"]
    with (
        scripted_archive(LOGIN, rows(row("QUEUED_ARCHIVING"), again=True)) as archive,
        pytest.raises(ArchiveUnavailable, match="still works on study"),
    ):
        xnat_at(archive).prearchive.settled("P", "1.2", deadline_s=60, quiet_s=10)


def test_a_reception_is_left_behind_when_it_did_not_change_for_long() -> None:
    changes = [rows(row("RECEIVING", str(number))) for number in range(3)]
    with scripted_archive(LOGIN, *changes, rows(row("RECEIVING", "2"), again=True)) as archive:
        (left,) = xnat_at(archive).prearchive.settled("P", "1.2", deadline_s=60, quiet_s=10)
        assert (left.is_receiving, left.changed) == (True, "2")


def test_rows_are_chosen_by_study_and_label() -> None:
    with scripted_archive(
        LOGIN, rows(row("READY"), row("READY") | {"tag": "1.3", "name": "F"}, again=True)
    ) as (archive):
        prearchive = xnat_at(archive).prearchive
        assert [one.label for one in prearchive.waiting("P", study_uid="1.3")] == ["F"]
        assert [one.study_uid for one in prearchive.waiting("P", label="E")] == ["1.2"]
        assert prearchive.waiting("P", study_uid="1.3", label="E") == ()


SCRIPT = "GET //data/config/edit/projects/P/image/dicom/script"
SWITCH = "//xapi/anonymize/projects/P"


def script(body: str, number: str = "7") -> dict[str, Any]:
    return {"status": 200, "json": {"ResultSet": {"Result": [{"id": number, "script": body}]}}}


def switched(*, on: bool) -> dict[str, Any]:
    return {"status": 200, "json": on}


def test_a_script_that_is_there_and_on_is_not_stored_again() -> None:
    with scripted_archive(
        LOGIN,
        Exchange(f"GET {SWITCH}/enabled", switched(on=True)),
        Exchange(SCRIPT, script('version "6.3"\r\n-(0010,0021)\r\n')),
    ) as archive:
        there = xnat_at(archive).projects.ensure_script("P", 'version "6.3"\n-(0010,0021)\n')
    assert (there.number, there.enabled) == ("7", True)


@pytest.mark.parametrize(
    ("on", "kept", "refused"),
    [(True, "new", False), (False, "new", True), (True, "old", True)],
    ids=["kept", "off", "not kept"],
)
def test_a_script_is_stored_switched_on_and_read_back(*, on: bool, kept: str, refused: bool) -> None:
    with scripted_archive(
        LOGIN,
        Exchange(f"GET {SWITCH}/enabled", switched(on=False)),
        Exchange(SCRIPT, {"status": 404}),
        Exchange(f"PUT {SWITCH}"),
        Exchange(f"PUT {SWITCH}/enabled?enable=true"),
        Exchange(f"GET {SWITCH}/enabled", switched(on=on)),
        Exchange(SCRIPT, script(kept, "8")),
    ) as archive:
        projects = xnat_at(archive).projects
        if refused:
            with pytest.raises(ArchiveRefused, match="does not keep the anonymisation script"):
                projects.ensure_script("P", "new")
        else:
            assert projects.ensure_script("P", "new").number == "8"
        sent = {one.line: one for one in archive.asked}
    assert (sent[f"PUT {SWITCH}"].body, sent[f"PUT {SWITCH}"].headers["Content-Type"]) == (
        b"new",
        "text/plain",
    )
    assert sent[f"PUT {SWITCH}/enabled"].headers["Content-Type"] == "application/json"


def test_the_site_s_script_is_unknown_to_who_may_not_know_it() -> None:
    with scripted_archive(LOGIN, Exchange("GET //xapi/anonymize/site/enabled", refusal(403))) as archive:
        assert xnat_at(archive).projects.site_script() is None


def test_the_version_is_told() -> None:
    build = Exchange("GET //xapi/siteConfig/buildInfo", {"status": 200, "json": {"version": "1.9.3"}})
    with scripted_archive(LOGIN, build) as archive:
        assert xnat_at(archive).version() == "1.9.3"


def test_logging_out_is_said_and_its_failure_is_none() -> None:
    with scripted_archive(LOGIN, rows(), Exchange("DELETE //data/JSESSION", refusal(500))) as archive:
        with xnat_at(archive) as xnat:
            xnat.prearchive.waiting("P")
        assert archive.lines()[-1] == "DELETE //data/JSESSION"


def zip_with(folder: Path, *names: str) -> Path:
    path = folder / "session.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in names:
            out.writestr(name, name.encode() * 1000)
    return path


def test_no_name_in_a_zip_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = ("../out.dcm", "/etc/out.dcm", "E/scans/2-CT/resources/secondary/files/x.dcm")
    found = unpacked(zip_with(folder, *names), folder, most_bytes=10**6)
    assert [file.path.name for file in found] == ["000000.dcm", "000001.dcm", "000002.dcm"]
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert found[2].resource == "secondary"
    assert found[0].path.read_bytes() == b"../out.dcm" * 1000


def test_a_zip_that_is_too_large_or_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(ArchiveRefused, match="more than 99 bytes"):
        unpacked(zip_with(tmp_path, "a.dcm"), tmp_path / "one", most_bytes=99)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ArchiveUnavailable, match="BadZipFile"):
        unpacked(damaged, tmp_path / "one", most_bytes=99)


def test_a_file_outside_of_resources_has_none(tmp_path: Path) -> None:
    assert DownloadedFile(tmp_path, "E/resources").resource == ""
