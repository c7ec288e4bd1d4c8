"""The RT Doses of a structure set, found by Orthanc's index and their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli.rtstruct import orthanc_source
from orthanc_plugins.cli.rtstruct.orthanc_address import OrthancAddress
from orthanc_plugins.cli.rtstruct.orthanc_source import OrthancSource
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import RT_DOSE_STORAGE
from orthanc_plugins.orthanc_doses import dose_file, dose_files, find_doses
from orthanc_plugins.rtstruct import StructureSet
from orthanc_plugins.rtstruct.dose import MissingDose, in_other_frame
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.arrivals import STUDY, store_image, store_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.identifiers import OrthancId
    from tests.fakes import FakeOrthancRest

FRAME = "1.2.7"


def store_dose(orthanc: FakeOrthancRest, uid: str, kind: str = "PLAN", frame: str = FRAME) -> OrthancId:
    return orthanc.store(
        STUDY,
        f"{STUDY}.3",
        uid,
        modality="RTDOSE",
        sop_class=RT_DOSE_STORAGE,
        content=uid.encode(),
        header={"FrameOfReferenceUID": frame, "DoseSummationType": kind},
    )


def refuse(orthanc: FakeOrthancRest, refused: OrthancId, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Orthanc refuse header and file of an instance, as where its file is lost."""
    for name in ("header", "file"):
        give: Callable[[OrthancId], object] = getattr(orthanc, name)

        def give_others(instance: OrthancId, give: Callable[[OrthancId], object] = give) -> object:
            if instance == refused:
                raise ArchiveRefused("Orthanc answered 404.", archive="orthanc", status=404)
            return give(instance)

        monkeypatch.setattr(orthanc, name, give_others)


def test_the_doses_of_a_frame_of_reference_are_found_the_whole_plans_first(orthanc: FakeOrthancRest) -> None:
    store_image(orthanc)
    beam, plan = store_dose(orthanc, "1.1", "BEAM"), store_dose(orthanc, "1.2")
    store_dose(orthanc, "1.3", frame="1.2.8")
    found = find_doses(orthanc, orthanc_id(STUDY), FRAME)
    assert found.fitting == (plan, beam)
    assert found.looked_at == ("1.1", "1.2", "1.3")
    assert list(dose_files(orthanc, found)) == [b"1.2", b"1.1", in_other_frame(1)]


def test_a_study_without_doses_is_asked_about_once(orthanc: FakeOrthancRest) -> None:
    store_image(orthanc)
    assert find_doses(orthanc, orthanc_id(STUDY), FRAME).looked_at == ()
    assert orthanc.asked == ["series_of_study"]


def test_a_dose_that_was_deleted_meanwhile_is_missing_and_the_others_are_not(
    orthanc: FakeOrthancRest,
) -> None:
    gone = store_dose(orthanc, "1.1")
    store_dose(orthanc, "1.2")
    found = find_doses(orthanc, orthanc_id(STUDY), FRAME)
    orthanc.delete(gone)
    missing, held = dose_files(orthanc, found)
    assert isinstance(missing, MissingDose)
    assert missing.reason.startswith(f"RT Dose {gone} could not be had from Orthanc: ")
    assert held == b"1.2"


def test_a_dose_whose_header_is_refused_is_missing_too(
    orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = store_dose(orthanc, "1.1")
    other = store_dose(orthanc, "1.2")
    refuse(orthanc, refused, monkeypatch)
    found = find_doses(orthanc, orthanc_id(STUDY), FRAME)
    assert (found.fitting, found.refused, found.looked_at) == ((other,), (refused,), ("1.1", "1.2"))
    assert [type(file) for file in dose_files(orthanc, found)] == [bytes, MissingDose]


def test_an_orthanc_that_is_away_is_no_missing_dose(orthanc: FakeOrthancRest) -> None:
    dose = store_dose(orthanc, "1.1")
    orthanc.failure = ArchiveUnavailable("away", archive="orthanc")
    with pytest.raises(ArchiveUnavailable):
        dose_file(orthanc, dose)


def test_the_command_line_finds_the_doses_of_an_address(
    orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = store_set(orthanc)
    store_dose(orthanc, "1.1")
    monkeypatch.setattr(orthanc_source, "_client", lambda _address: orthanc)
    address = OrthancAddress.__new__(OrthancAddress)
    structure_set = StructureSet("1.2.1.2.1", "1.2.1.2", STUDY, FRAME, "plan", (), (), ())
    doses = OrthancSource(address, instance, "1.2.1.2.1").doses(structure_set)
    assert [read() for read in doses.values()] == [b"1.1"]
    for uid in ("1.2", "1.3"):
        store_dose(orthanc, uid, frame="1.2.8")
    doses = OrthancSource(address, instance, "1.2.1.2.1").doses(structure_set)
    assert [read() for read in doses.values()] == [b"1.1", in_other_frame(2)]
