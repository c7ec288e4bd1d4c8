"""What the health check and the doctor tell of neighbours, projects and workers that are not well."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.xnat_http import XnatHttp
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.projects import Custodian
from orthanc_plugins.signing_keys import create_signing_key
from scripts.lib import doctor, health
from scripts.lib.render import Deployment, render
from tests.unit.scripts.neighbours import WELL

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE_URL = "http://archive:8080/dcm4chee-arc/aets/DCM4CHEE/rs"


def answering(monkeypatch: pytest.MonkeyPatch, *, worker: str = "healthy", **told: Any) -> None:
    """Have the suite answer with its health."""
    services = {name: {"state": "healthy"} for name in ("orthanc", "store", "jobs")}
    services["worker"] = {"state": worker}
    for name in {"dcm4chee", "xnat"} & told.keys():
        services[name] = {"state": "unhealthy", "detail": told[name]}
    report = {
        "status": "degraded",
        "version": "1",
        "services": services,
        "warnings": told.get("warnings", []),
    }
    bodies = {"/api/health": json.dumps(report).encode(), "/": b"OHIF"}
    monkeypatch.setattr(health, "get", lambda _, path, *_headers: (200, bodies[path]))
    monkeypatch.setattr(health, "supervised", lambda _: {"orthanc": "RUNNING", "nginx": "RUNNING"})


@pytest.mark.parametrize(
    ("detail", "remedy"),
    [
        ("DCM4CHEE did not answer GET /dcm4chee-arc/ctrl/status (ConnectionError).", "start it"),
        ("DCM4CHEE answered GET /studies with HTTP 404: check its address.", "the AE title in it"),
        ("DCM4CHEE answered GET /studies with HTTP 401: check user.", "DCM4CHEE_USERNAME, _PASSWORD"),
        ("The token address of DCM4CHEE answered with HTTP 404: check it.", "DCM4CHEE_TOKEN_URL"),
    ],
)
def test_a_dcm4chee_that_is_away_or_refuses_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment, detail: str, remedy: str
) -> None:
    answering(monkeypatch, dcm4chee=detail)
    suite, ohif, archive = health.wait(replace(deployment, dcm4chee_url=ARCHIVE_URL), 60)
    assert suite.healthy, suite.text
    assert ohif.healthy
    assert (archive.healthy, archive.hinders) == (False, False)
    assert archive.text == f"{ARCHIVE_URL}: {detail}"
    assert remedy in archive.remedy
    assert ".env" in archive.remedy


def test_an_xnat_that_is_away_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, xnat="What is at XNAT's address is no XNAT (HTTP 404).")
    suite, _, archive = health.wait(replace(deployment, xnat_url="https://xnat.example"), 60)
    assert suite.healthy, suite.text
    assert (archive.part, archive.healthy, archive.hinders) == ("XNAT", False, False)
    assert archive.text == "https://xnat.example: What is at XNAT's address is no XNAT (HTTP 404)."
    assert archive.remedy == "start it, or correct XNAT_URL in .env, then run scripts/up"


def test_what_a_person_is_to_decide_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["DCM4CHEE lost 40 studies at once"])
    *_, warning = health.wait(deployment, 60)
    assert (warning.text, warning.hinders) == ("DCM4CHEE lost 40 studies at once", False)


def test_an_audit_trail_that_is_broken_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["Nothing is released: The audit trail does not end as it was written."])
    *_, found = health.wait(deployment, 60)
    assert (found.part, found.healthy, found.hinders) == ("audit trail", False, False)
    assert "scripts/pacs audit verify" in found.remedy


def test_a_project_that_cannot_be_used_is_told_and_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["De-identification for trial: There is no key."])
    *_, found = health.wait(deployment, 60)
    assert (found.part, found.text, found.hinders) == (
        "de-identification",
        "De-identification for trial: There is no key.",
        False,
    )
    assert "do as it says" in found.remedy


def test_the_doctor_names_the_key_and_the_profile_that_a_project_wants(tmp_path: Path) -> None:
    names = ("well", "keyless", "odd")
    profiles = dict.fromkeys(names, "basic") | {"odd": "nowhere"}
    listed = [
        {"Name": name, "Profile": profiles[name], "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
        for name in names
    ]
    deployment = Deployment(data=tmp_path, orthanc={"PacsSuite": {"Deidentification": {"Projects": listed}}})
    assert doctor.projects(deployment) == []
    render(deployment)
    for name in ("well", "odd"):
        Custodian(tmp_path / "custody", tmp_path / "audit").create(name)
    create_signing_key(tmp_path / "custody")
    well, keyless, odd = doctor.projects(deployment)
    assert (well.healthy, keyless.healthy, odd.healthy) == (True, False, False)
    assert "pacs project create keyless" in keyless.text
    assert "There is no profile nowhere" in odd.text
    assert "ProfilesDirectory" in odd.text


def test_the_doctor_reads_what_stands_in_a_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nsummary: s\noptions: [nonsense]\n", encoding="utf-8")
    project = {"Name": "well", "Profile": "mine", "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
    section = {"Projects": [project], "ProfilesDirectory": str(tmp_path)}
    deployment = Deployment(data=tmp_path, orthanc={"PacsSuite": {"Deidentification": section}})
    render(deployment)
    Custodian(tmp_path / "custody", tmp_path / "audit").create("well")
    create_signing_key(tmp_path / "custody")
    (found,) = doctor.projects(deployment)
    assert "mine.yaml cannot be used" in found.text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (None, [(True, "lets the suite in, as pacs-suite")]),
        (ArchiveRefused("XNAT answered a login with HTTP 401: check user.", archive="xnat"),
         [(False, "XNAT answered a login with HTTP 401: check user.")]),
        (ArchiveUnavailable("It does not answer.", archive="xnat"), []),
    ],
    ids=["in", "refused", "away"],
)  # fmt: skip
def test_the_doctor_tries_whether_xnat_lets_the_suite_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Exception | None, told: list[tuple[bool, str]]
) -> None:
    def log_in(_: XnatHttp) -> None:
        if fault is not None:
            raise fault

    monkeypatch.setattr(XnatHttp, "log_in", log_in)
    who = {"Url": "http://127.0.0.1:9", "Username": "pacs-suite", "Password": "secret"}
    found = doctor.xnat_login(Deployment(data=tmp_path, orthanc={"PacsSuite": {"Xnat": who}}))
    assert [(one.healthy, one.text) for one in found] == told
    assert all("xnat/README.md" in one.remedy for one in found if not one.healthy)
    assert doctor.xnat_login(Deployment(data=tmp_path)) == []


@pytest.mark.parametrize(("worker", "stand_in"), [("unhealthy", False), ("healthy", True)])
def test_a_worker_or_a_stand_in_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment, *, worker: str, stand_in: bool
) -> None:
    answering(monkeypatch, worker=worker, dcm4chee="DCM4CHEE did not answer.")
    monkeypatch.setattr(health, "_stand_in", lambda _: WELL[0])
    found = health.wait(replace(deployment, stand_in=stand_in), 0)
    assert found[0].hinders


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--wait", "0"], 0), ([], 1)], ids=["scripts/up", "scripts/status"]
)
def test_a_dcm4chee_that_is_away_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
) -> None:
    answering(monkeypatch, dcm4chee="DCM4CHEE did not answer.")
    monkeypatch.setattr(health, "this_deployment", lambda: replace(deployment, dcm4chee_url=ARCHIVE_URL))
    monkeypatch.setattr(sys, "argv", ["health", *arguments])
    assert health.main() == status
    out = capsys.readouterr().out
    assert f"{ARCHIVE_URL}: DCM4CHEE did not answer." in out
    assert "correct DCM4CHEE_URL in .env" in out
    assert "said by orthanc" not in out
