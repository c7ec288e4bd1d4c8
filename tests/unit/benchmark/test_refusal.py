"""Not on an archive that people work with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.refusal import refuse_production
from orthanc_plugins.benchmark.targets import Target
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, BenchmarkRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orthanc_plugins.benchmark.run import Run
    from tests.unit.benchmark.doubles import ArchiveDouble


def test_empty_archives_may_be_measured(targets: Mapping[ArchiveName, Target]) -> None:
    refuse_production(targets.values())


def test_one_that_holds_nothing_but_what_benchmarks_have_made_may_be(
    targets: Mapping[ArchiveName, Target], orthanc: ArchiveDouble
) -> None:
    for number in range(450):
        orthanc.hold(f"PACSBENCH-0000aaaa-Q{number:05d}", f"2.25.{number}")
    refuse_production(targets.values())


@pytest.mark.parametrize("side", ["orthanc", "dcm4chee"])
def test_one_study_of_someone_is_enough_to_refuse(
    side: str, targets: Mapping[ArchiveName, Target], request: pytest.FixtureRequest
) -> None:
    double: ArchiveDouble = request.getfixturevalue(side)
    for number in range(450):
        double.hold(f"PACSBENCH-0000aaaa-Q{number:05d}", f"2.25.{number}")
    double.hold("DOE-4711")
    with pytest.raises(BenchmarkRefused) as refused:
        refuse_production(targets.values())
    text = str(refused.value)
    assert (
        f"{double.target.title} at {double.target.dicomweb} holds studies that no benchmark has made" in text
    )
    assert "(451 studies in all)" in text
    assert "--i-mean-it" in text
    assert '"i_mean_it": true' in text
    assert "DOE" not in text


def test_both_are_told_of_when_both_are_at_work(
    targets: Mapping[ArchiveName, Target], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    orthanc.hold("A")
    dcm4chee.hold("B")
    with pytest.raises(BenchmarkRefused, match=r"Orthanc at .* DCM4CHEE at"):
        refuse_production(targets.values())


def test_a_study_without_patient_id_is_someones(
    targets: Mapping[ArchiveName, Target], orthanc: ArchiveDouble
) -> None:
    orthanc.hold("")
    with pytest.raises(BenchmarkRefused):
        refuse_production(targets.values())


def test_a_stand_in_on_this_machine_may_be_measured_whatever_it_holds(
    targets: Mapping[ArchiveName, Target], dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.hold("DOE")
    dcm4chee.server = "DCM4CHEE stand-in (Orthanc 1.12.7)"
    refuse_production(targets.values())


def test_a_stand_in_elsewhere_is_taken_for_an_archive(
    targets: Mapping[ArchiveName, Target], dcm4chee: ArchiveDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    dcm4chee.hold("DOE")
    dcm4chee.server = "DCM4CHEE stand-in (Orthanc 1.12.7)"
    monkeypatch.setattr(Target, "is_on_loopback", False)
    with pytest.raises(BenchmarkRefused):
        refuse_production(targets.values())


def test_an_archive_that_does_not_answer_is_not_taken_for_an_empty_one(
    targets: Mapping[ArchiveName, Target], dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.fault = lambda _, path: 500 if "/studies" in path else None
    with pytest.raises(ArchiveUnavailable, match="HTTP 500"):
        refuse_production(targets.values())


def test_an_archive_that_is_no_dcm4chee_cannot_be_measured(targets: Mapping[ArchiveName, Target]) -> None:
    other = replace(targets[ArchiveName.DCM4CHEE], management="")
    with pytest.raises(ArchiveRefused, match="what is sent could not be removed"):
        refuse_production([other])


def test_a_run_is_refused_before_anything_is_sent(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.hold("DOE")
    with pytest.raises(BenchmarkRefused):
        make_run(Question.QUERY).go()
    assert orthanc.count("POST", "/studies") == dcm4chee.count("POST", "/studies") == 0


def test_a_run_that_is_meant_leaves_others_studies_alone(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    orthanc.hold("DOE")
    dcm4chee.hold("DOE")
    results = make_run(Question.QUERY).go(i_mean_it=True)
    assert results.is_clean
    assert orthanc.studies == dcm4chee.studies == {"1.2.3"}
    assert results.archives[ArchiveName.DCM4CHEE].changed == {}
