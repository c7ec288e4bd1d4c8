"""The planted corpus, released by a shipped profile, arrives in XNAT as it was released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread

from orthanc_plugins.custody.keys import create_key
from orthanc_plugins.custody.numbers import NumberRegister
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.delivery import Parcel, ParcelFile
from orthanc_plugins.pseudonyms import Pseudonyms, is_assigned_by_dicom
from orthanc_plugins.release import Project, State, release, sorted_studies
from tests.builders.planted.build import build_corpus
from tests.contract.xnat.delivering import destination, xnat

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.xnat import Xnat
    from tests.contract.xnat.site import Site

__all__ = ["xnat"]
_PROFILE = "research_rt"


def released(folder: Path) -> Parcel:
    """Return the corpus, released."""
    build_corpus(folder / "corpus")
    custody = folder / "custody"
    custody.mkdir(mode=0o700)
    key = create_key(custody, "P")
    NumberRegister.create(custody, "P", Pseudonyms(key.secret, is_assigned_by_dicom).key_id)
    project = Project.opened("P", custody, load_profile(_PROFILE), "0")
    (study,) = sorted_studies([folder / "corpus" / "planning"]).studies
    outcome = release(study, project, folder / "released")
    assert outcome.state is State.RELEASED, outcome.reason
    originals = {project.pseudonyms.uid(uid): path for uid, path in study.files.items()}
    files = []
    for one in outcome.files:
        path = folder / "released" / one.path
        dataset = dcmread(path, stop_before_pixels=True)
        uid, series = str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)
        files.append(ParcelFile(path, one.sop_class_uid, uid, series, one.sha256, originals[uid]))
    codes = {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence} - {"113101"}
    return Parcel(outcome.pseudonym, outcome.study_uid, "E1", tuple(files), frozenset(codes))


def test_the_planted_corpus_arrives_whole_and_only_hollow_attributes_are_lost(
    site: Site, xnat: Xnat, tmp_path: Path
) -> None:
    parcel = released(tmp_path)
    site.enable_script("site", enabled=True)
    delivery = destination(site, xnat).deliver(parcel)
    assert delivery.instances == len(parcel.files) > 10
    assert delivery.changes["0012,0064"] == len(parcel.files)
    assert delivery.changes.keys() <= {
        *("0008,1030", "0010,0010", "0010,0020", "0012,0064"),
        *("0040,0009", "0040,1001"),  # Scheduled Procedure Step ID, Requested Procedure ID: dummies
    }
