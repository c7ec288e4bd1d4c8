"""Links that menus fill with an identifier of Orthanc: where they lead, and what a person reads otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.api.unresolved import Trouble, language_of
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveUnavailable
from tests.fakes.archive import MemoryArchive
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest

STUDY, SERIES, PLAIN, SET, IMAGE = "1.2.1", "1.2.1.1", "1.2.1.2", "1.2.1.1.1", "1.2.1.2.1"
SET_ID = orthanc_id(STUDY, SERIES, SET)
ABSENT = "11111111-11111111-11111111-11111111-11111111"


@pytest.fixture
def right() -> MemoryArchive:
    return MemoryArchive(ArchiveName.DCM4CHEE)


@pytest.fixture
def client(services: Services, orthanc: FakeOrthancRest, right: MemoryArchive) -> Client:
    orthanc.store(STUDY, SERIES, SET, modality="RTSTRUCT", study_tags={"PatientID": "<script>MARKER"})
    orthanc.store(STUDY, PLAIN, IMAGE)
    archives = {ArchiveName.ORTHANC: MemoryArchive(ArchiveName.ORTHANC), ArchiveName.DCM4CHEE: right}
    return Client(create_app(replace(services, viewer_url="https://viewer.invalid", archives=archives)))


def told(answer: httpx.Response, language: str = "en") -> str:
    """Return the title of a page that tells of a trouble, after a look at how it is sent."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text
    assert "MARKER" not in answer.text
    assert f'<html lang="{language}">' in answer.text
    found = re.search("<h1>(.*)</h1>", answer.text)
    assert found
    return found[1]


@pytest.mark.parametrize("study", [STUDY, str(orthanc_id(STUDY))])
def test_a_study_of_orthanc_opens_in_the_viewer(client: Client, study: str) -> None:
    answer = client.get(f"ui/open/orthanc/{study}")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"https://viewer.invalid/viewer/Orthanc?StudyInstanceUIDs={STUDY}"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("study", [STUDY, str(orthanc_id(STUDY))])
def test_a_study_opens_from_dcm4chee_where_it_is(client: Client, right: MemoryArchive, study: str) -> None:
    assert told(client.get(f"ui/open/dcm4chee/{study}")) == "DCM4CHEE does not hold this study"
    right.put(SET, study=STUDY)
    answer = client.get(f"ui/open/DCM4CHEE/{study}")
    assert answer.headers["location"] == f"https://viewer.invalid/viewer/DCM4CHEE?StudyInstanceUIDs={STUDY}"


def test_what_is_not_in_orthanc_leads_on_to_the_study(client: Client) -> None:
    page = client.get("ui/open/orthanc/9.9")
    assert told(page) == "Orthanc does not hold this"
    assert 'href="/pacs/ui/studies/9.9"' in page.text
    unknown = client.get(f"ui/open/dcm4chee/{ABSENT}")
    assert told(unknown) == "Orthanc does not hold this"
    assert 'href="/pacs/ui/studies"' in unknown.text


def test_a_uid_of_several_patients_is_not_shown_as_one(
    client: Client, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orthanc, "lookup", lambda _uid, _level: [orthanc_id("a"), orthanc_id("b")])
    assert told(client.get(f"ui/open/orthanc/{STUDY}")) == "Orthanc holds several of this UID"
    # By its own identifier one of them is meant, and the viewer would mix them all the same.
    assert told(client.get(f"ui/open/orthanc/{orthanc_id(STUDY)}")) == "Orthanc holds several of this UID"


@pytest.mark.parametrize(
    "address", ["ui/open/orthanc/x", "ui/open/dcm4chee/1..2", "ui/series/%3Cscript%3E/structures"]
)
def test_what_is_no_identifier_is_said_to_be_none(client: Client, address: str) -> None:
    assert told(client.get(address)) == "This is no study, series or instance"


def test_there_are_two_archives(client: Client, services: Services) -> None:
    assert told(client.get(f"ui/open/xnat/{STUDY}")) == "There is no such archive"
    alone = Client(create_app(services))
    assert told(alone.get(f"ui/open/dcm4chee/{STUDY}")) == "DCM4CHEE is not set up here"


def test_an_archive_that_is_away_is_named(
    client: Client, orthanc: FakeOrthancRest, right: MemoryArchive
) -> None:
    right.faults.down = True
    assert told(client.get(f"ui/open/dcm4chee/{STUDY}")) == "DCM4CHEE does not answer"
    orthanc.failure = ArchiveUnavailable("It is away.", archive="orthanc")
    for address in (f"ui/open/orthanc/{STUDY}", f"ui/series/{orthanc_id(STUDY, SERIES)}/structures"):
        assert told(client.get(address)) == "Orthanc does not answer"


@pytest.mark.parametrize(
    ("address", "query"),
    [
        (f"ui/series/{orthanc_id(STUDY, SERIES)}/structures", f"?series={SERIES}"),
        (f"ui/series/{SERIES}/structures?process=1", f"?series={SERIES}&process=1"),
        (f"ui/series/{orthanc_id(STUDY, PLAIN)}/structures", ""),
        (f"ui/series/{orthanc_id(STUDY, PLAIN)}/structures?process=1", "?process=1"),
        (
            f"ui/instances/{orthanc_id(STUDY, SERIES, SET)}/structures?process=1",
            f"?series={SERIES}&process=1",
        ),
        (f"ui/instances/{SET}/structures", f"?series={SERIES}"),
        (f"ui/instances/{orthanc_id(STUDY, PLAIN, IMAGE)}/structures", ""),
    ],
)
def test_series_and_instances_lead_to_the_rt_results_of_their_study(
    client: Client, address: str, query: str
) -> None:
    answer = client.get(address)
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"] == f"/pacs/ui/studies/{STUDY}/structures{query}"


@pytest.mark.parametrize("level", ["series", "instances"])
def test_series_and_instances_that_are_gone_are_told(client: Client, level: str) -> None:
    assert told(client.get(f"ui/{level}/{ABSENT}/structures")) == "Orthanc does not hold this"
    assert told(client.get(f"ui/{level}/9.9.9/structures")) == "Orthanc does not hold this"


def test_the_page_speaks_the_language_of_the_browser(client: Client) -> None:
    answer = client.get(f"ui/open/xnat/{STUDY}", headers={"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.8"})
    assert told(answer, "fr") == "Cette archive n’existe pas"
    assert 'href="/pacs/static/ui/' in answer.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("de", "en"), ("fr", "fr"), ("en, fr", "en"), ("fr;q=0", "en"), ("fr;q=x,*", "en")],
)
def test_english_is_spoken_where_french_is_not_wanted_more(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_every_trouble_is_told_in_both_languages() -> None:
    for trouble in Trouble:
        assert len(set(trouble.value)) == 4
        assert all(trouble.value)
