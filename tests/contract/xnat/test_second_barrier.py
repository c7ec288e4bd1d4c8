"""Our script for XNAT's projects on what the engine makes of the planted corpus: nothing is left for it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from orthanc_plugins.deid.engine import Engine, Subject
from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.profile import load_profile, shipped_profiles
from orthanc_plugins.deid.wire.part10 import read_part10
from orthanc_plugins.pseudonyms import Pseudonyms, is_assigned_by_dicom
from scripts.lib.render import REPOSITORY
from tests.builders.planted.build import build_corpus
from xnat_standin.dicomedit.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

_SAYS_NOTHING = {"", "REMOVED"}
"""What an object's definition demands stays so in sequences, and is deleted there."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder: Path = tmp_path_factory.mktemp("planted")
    build_corpus(folder)
    paths = sorted((folder / "planning").rglob("*.dcm"))
    assert paths
    return [path.read_bytes() for path in paths]


def elements_of(dataset: Dataset, above: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield places and values, at all levels; an empty one the script may delete is left out."""
    for element in dataset:
        place = (*above, int(element.tag))
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from elements_of(item, (*place, number))
        elif not (above and str(element.value or "") in _SAYS_NOTHING):
            yield place, str(element.value)


@pytest.mark.parametrize("profile", shipped_profiles())
def test_it_changes_nothing_of_what_the_suite_sends(corpus: list[bytes], profile: str) -> None:
    engine = Engine(load_profile(profile), Pseudonyms(bytes(range(32)), is_assigned_by_dicom), "0")
    script = Script((REPOSITORY / "xnat" / "project-script.das").read_text(encoding="utf-8"), (6, 3))
    subject = Subject("DEID-A", 60, lambda _: False, lambda _: False)
    for original in corpus:
        file = read_part10(original)
        made = engine.deidentified(file, gathered(file), subject)
        sent = b"".join(bytes(piece) for piece in made.pieces)
        changed = dcmread(io.BytesIO(sent))
        script.apply(changed, {"project": "P", "subject": "S", "session": "E"})
        assert dict(elements_of(changed)) == dict(elements_of(dcmread(io.BytesIO(sent))))
