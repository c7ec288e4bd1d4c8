"""Who is behind a pseudonym is told to users of a real Orthanc whom the settings name, and to nobody else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.custody.identities import Identity
from orthanc_plugins.projects import Custodian
from tests.contract.real_orthanc import REPOSITORY, running_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.real_orthanc import RealOrthanc

ANN, BOB = ("ann", "an open secret"), ("bob", "another one")
ASKED = {"project": "trial", "pseudonym": "ANON00742", "role": "custodian", "reason": "patient_safety"}


@pytest.fixture(scope="module")
def custodian(tmp_path_factory: pytest.TempPathFactory) -> Custodian:
    folder = tmp_path_factory.mktemp("data")
    custodian = Custodian(folder / "custody", folder / "audit", folder / "identities")
    custodian.create("trial", reversible=True)
    custodian.identities("trial", {"custodian"}).remember("ANON00742", Identity("HOSP-778812"))
    return custodian


def configuration(custodian: Custodian, **orthanc: Any) -> dict[str, Any]:
    project = {"Name": "trial", "Reversible": True, "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
    return {
        "PythonScript": str(REPOSITORY / "orthanc-config" / "pacs_suite.py"),
        "PacsSuite": {
            "DataDirectory": str(custodian.folder.parent),
            "PythonExecutable": sys.executable,
            "Workers": "external",
            "Deidentification": {"Projects": [project], "LookUpUsers": ["ann"]},
        },
        **orthanc,
    }


@pytest.fixture(scope="module")
def guarded(custodian: Custodian, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealOrthanc]:
    """An Orthanc that asks everybody for a password."""
    users = {"AuthenticationEnabled": True, "RegisteredUsers": dict([ANN, BOB])}
    folder = tmp_path_factory.mktemp("guarded")
    with running_orthanc(folder, None, **configuration(custodian, **users)) as orthanc:
        yield orthanc


def ask(orthanc: RealOrthanc, user: tuple[str, str], actor: str) -> requests.Response:
    url = f"{orthanc.url}/pacs/api/anonymize/look-up"
    return requests.post(url, json={**ASKED, "actor": actor}, auth=user, timeout=30)


def newest(custodian: Custodian) -> tuple[str, str]:
    (record,) = custodian.trail().records(TrailQuery(limit=1))
    return record.event["kind"], record.event["participants"][-1]["user_id"]


def test_who_is_named_is_answered_and_recorded(guarded: RealOrthanc, custodian: Custodian) -> None:
    answer = ask(guarded, ANN, "ann")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [one["patient_id"] for one in answer.json()["identities"]] == ["HOSP-778812"]
    assert newest(custodian) == ("patient_record", "ann")


@pytest.mark.parametrize("actor", ["bob", "ann"])
def test_another_user_is_refused_by_name(guarded: RealOrthanc, custodian: Custodian, actor: str) -> None:
    answer = ask(guarded, BOB, actor)
    assert answer.status_code == 403
    assert "HOSP" not in answer.text
    assert newest(custodian) == ("security_alert", "bob")


def test_where_orthanc_asks_nobody_a_name_is_not_believed(custodian: Custodian, tmp_path: Path) -> None:
    open_to_all = configuration(custodian, AuthenticationEnabled=False)
    with running_orthanc(tmp_path, None, **open_to_all) as orthanc:
        assert ask(orthanc, ANN, "ann").status_code == 403
    assert newest(custodian) == ("security_alert", "unknown")
