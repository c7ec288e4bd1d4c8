"""A project with its key, and one study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.custody.keys import create_key
from orthanc_plugins.custody.numbers import NumberRegister
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.pseudonyms import Pseudonyms
from orthanc_plugins.release import Project, StudyInput, sorted_studies
from tests.unit.release.studies import objects, write

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "trial"


@pytest.fixture
def custody(tmp_path: Path) -> Path:
    """The custodian's folder, with the key and register of a project."""
    folder = tmp_path / "custody"
    folder.mkdir(mode=0o700)
    key_id = Pseudonyms(create_key(folder, PROJECT).secret).key_id
    NumberRegister.create(folder, PROJECT, key_id)
    return folder


@pytest.fixture
def project(custody: Path) -> Project:
    return Project.opened(PROJECT, custody, load_profile("research_rt"), "1.2.3")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with a study of two images and a structure set."""
    write(tmp_path / "given", objects())
    return tmp_path / "given"


@pytest.fixture
def study(given: Path) -> StudyInput:
    (found,) = sorted_studies([given]).studies
    return found
