"""Addresses of an Orthanc: what they mean, and that what is secret in them is never told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import USAGE, main
from orthanc_plugins.cli.rtstruct.orthanc_address import (
    PASSWORD_VARIABLE,
    USER_VARIABLE,
    OrthancAddress,
    is_address,
    parse_address,
    structure_sets,
)
from orthanc_plugins.cli.rtstruct.plan import make_plan
from orthanc_plugins.errors import ConfigurationError, NotFound
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from tests.fakes.orthanc_rest import orthanc_id, patient_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import FakeOrthancRest

ID = "6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14"


@pytest.mark.parametrize(
    ("text", "root", "level", "identifier"),
    [
        ("http://host:8042", "http://host:8042", "", ""),
        ("HTTP://host:8042/", "http://host:8042", "", ""),
        (f"https://host/orthanc/studies/{ID}", "https://host/orthanc", "studies", ID),
        (f"http://host/patients/{ID}/", "http://host", "patients", ID),
        (f"http://host/series/{ID}", "http://host", "series", ID),
        ("http://host/instances/1.2.3", "http://host", "instances", "1.2.3"),
        ("http://host:8042/?study=1.2.3", "http://host:8042", "studies", "1.2.3"),
        ("http://[::1]:8042/?study=1.2.3", "http://[::1]:8042", "studies", "1.2.3"),
    ],
)
def test_an_address_names_an_orthanc_and_a_part_of_it(
    text: str, root: str, level: str, identifier: str
) -> None:
    assert is_address(text)
    assert parse_address(text) == OrthancAddress(root, level, identifier)


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http://user:secret@/x",
        "http://user:secret@host:port",
        "http://user:secret@host/studies/none",
        "http://user:secret@host/patients/1.2.3",
        "http://user:secret@host?study=",
        "http://user:secret@host?patient=1.2.3",
    ],
)
def test_what_cannot_be_understood_is_refused_without_its_password(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
    assert main(["rtstruct", text, str(tmp_path)]) == USAGE
    out, err = capsys.readouterr()
    assert "secret" not in out + err


def test_credentials_come_from_the_address_or_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_address("http://host").credentials is None
    monkeypatch.setenv(USER_VARIABLE, "env")
    monkeypatch.setenv(PASSWORD_VARIABLE, "from environment")
    assert parse_address("http://host").credentials == ("env", "from environment")
    own = parse_address("http://a%40b:sec%3Aret@host:8042")
    assert own.credentials == ("a@b", "sec:ret")
    assert "sec" not in f"{own} {own!r} {own.root}"


@pytest.fixture
def filled(orthanc: FakeOrthancRest) -> FakeOrthancRest:
    """Two studies with a structure set each, and images."""
    for study in ("1.2.1", "1.2.2"):
        orthanc.store(
            study, f"{study}.1", f"{study}.1.1", modality="RTSTRUCT", sop_class=RT_STRUCTURE_SET_STORAGE
        )
        orthanc.store(study, f"{study}.2", f"{study}.2.1")
    return orthanc


@pytest.mark.parametrize(
    ("level", "identifier", "found"),
    [
        ("", "", ["1.2.1.1.1", "1.2.2.1.1"]),
        ("studies", "1.2.2", ["1.2.2.1.1"]),
        ("studies", orthanc_id("1.2.1"), ["1.2.1.1.1"]),
        ("patients", patient_of("1.2.2"), ["1.2.2.1.1"]),
        ("series", "1.2.1.1", ["1.2.1.1.1"]),
        ("series", "1.2.1.2", []),
        ("instances", "1.2.1.1.1", ["1.2.1.1.1"]),
        ("instances", "1.2.1.2.1", []),
    ],
)
def test_the_structure_sets_of_a_part_are_found(
    filled: FakeOrthancRest, level: str, identifier: str, found: list[str]
) -> None:
    address = OrthancAddress("http://host", level, identifier)
    assert [record.sop_instance_uid for record in structure_sets(filled, address)] == found


def test_all_pages_are_asked_for(filled: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthanc_plugins.cli.rtstruct.orthanc_address._PAGE", 1)
    assert len(list(structure_sets(filled, OrthancAddress("http://host")))) == 2


def test_a_uid_of_nothing_is_said(filled: FakeOrthancRest) -> None:
    with pytest.raises(NotFound, match="holds nothing under http://host/studies/9"):
        list(structure_sets(filled, OrthancAddress("http://host", "studies", "9")))


def test_a_set_that_two_addresses_mean_is_done_once(
    filled: FakeOrthancRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OrthancAddress, "connect", lambda _: filled)
    plan = make_plan(["http://host?study=1.2.2", "http://host"], tmp_path)
    assert [(one.sop_instance_uid, one.fault) for one in plan.sets] == [("1.2.2.1.1", ""), ("1.2.1.1.1", "")]
    assert plan.in_orthanc == 2
