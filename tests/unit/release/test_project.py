"""A project keeps what is the same everywhere, and searches for what its profile does not retain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.deid.profile import Profile
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.release import Project, sorted_studies
from orthanc_plugins.release.project import is_public
from tests.unit.release.conftest import PROJECT
from tests.unit.release.studies import objects, write

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = "Linac Nordhaus"


@pytest.mark.parametrize(
    ("uid", "public"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),
        ("2.16.840.1.113883.6.119", True),
        ("2.16.840.1.113883.6.119.4711", False),
        ("1.2.3", False),
    ],
)
def test_uids_of_dicom_and_of_public_tables_are_never_replaced(uid: str, public: bool) -> None:
    assert is_public(uid) is public


@pytest.mark.parametrize(("options", "is_searched"), [((), True), ((Option.RETAIN_DEVICE_IDENTITY,), False)])
def test_what_an_option_retains_is_not_searched_for(
    tmp_path: Path, custody: Path, options: tuple[Option, ...], is_searched: bool
) -> None:
    made = objects()
    made[0].StationName = MACHINE
    write(tmp_path / "given", made)
    (study,) = sorted_studies([tmp_path / "given"]).studies
    profile = Profile(name="mine", summary="for one test", options=frozenset(options))
    echoes = Project.opened(PROJECT, custody, profile, "1.2.3").subject(study).echoes
    assert echoes(f"checked at {MACHINE}") is is_searched
    assert echoes(str(made[0].PatientName).replace("^", " "))
