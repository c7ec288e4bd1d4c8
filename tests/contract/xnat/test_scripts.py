"""Anonymisation scripts: where they are kept, when they run, and what proves that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY
from tests.contract.xnat.site import Site, build_study, message_of
from tests.xnat_process import running_xnat
from xnat_standin.dicomedit.functions import hashed_uid

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

PROJECT_SCRIPT = (REPOSITORY / "xnat" / "project-script.das").read_text(encoding="utf-8")


def methods_of(dataset: Dataset) -> list[str]:
    return [item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence", [])]


def test_a_project_has_no_script_until_it_gets_one(site: Site) -> None:
    path = f"/xapi/anonymize/projects/{site.project}"
    assert (site.get(path).status_code, site.get(path).text) == (204, "")
    assert site.get(f"{path}/enabled").json() is False
    site.set_script(PROJECT_SCRIPT)
    assert site.get(path).text == PROJECT_SCRIPT
    assert site.get(f"{path}/enabled").json() is True
    assert site.get("/xapi/anonymize/projects/NOBODY").status_code == 404


def test_the_older_interface_tells_the_same_and_its_number(site: Site) -> None:
    root = f"/data/config/edit/projects/{site.project}/image/dicom"
    site.put(f"{root}/script", data=PROJECT_SCRIPT.encode(), params={"inbody": "true"})
    site.put(f"{root}/status", params={"activate": "true"})
    (row,) = site.rows(f"{root}/script")
    assert (row["project"], row["user"], row["script"]) == (site.project, "admin", PROJECT_SCRIPT)
    assert row["id"].isdigit()
    assert site.get(f"/xapi/anonymize/projects/{site.project}/enabled").json() is True


@pytest.mark.parametrize("kind", ["", "text/plain"], ids=["none", "of text"])
def test_switching_needs_its_content_type(site: Site, kind: str) -> None:
    path = f"/xapi/anonymize/projects/{site.project}/enabled?enable=true"
    assert site.put(path, headers={"Content-Type": kind}).status_code == 415


def test_the_project_script_runs_on_the_way_into_the_archive_and_is_recorded(site: Site) -> None:
    site.set_script('version "6.1"\n(0008,1030) := "cleaned"\n')
    (row,) = site.rows(f"/data/config/edit/projects/{site.project}/image/dicom/script")
    waiting = site.send_to_prearchive(build_study())
    in_prearchive = site.rows(f"{waiting}/scans/2/resources/DICOM/files")
    dumped = site.rows("/data/services/dicomdump", src=waiting, field="StudyDescription")
    assert (len(in_prearchive), dumped[0]["value"]) == (2, "Thorax")
    archived = site.archive(waiting).text.strip()
    for dataset in site.downloaded(archived).values():
        assert dataset.StudyDescription == "cleaned"
        assert methods_of(dataset) == [row["id"]]


def test_what_the_session_document_tells_is_from_before_the_project_script(site: Site) -> None:
    site.set_script('version "6.1"\n(0010,0010) := subject\n')
    archived = site.archived(build_study(PatientName="Doe^Jane"))
    item = site.get(archived, params={"format": "json"}).json()["items"][0]
    assert item["data_fields"]["dcmPatientName"] == "Doe^Jane"
    assert {str(one.PatientName) for one in site.downloaded(archived).values()} == {"S1"}


def test_the_site_script_relabels_on_reception(site: Site) -> None:
    site.enable_script("site", enabled=True)
    uri = site.send_to_prearchive(build_study())
    site.no_site_script()
    (name,) = site.rows("/data/services/dicomdump", src=uri, field="00100010")
    (patient_id,) = site.rows("/data/services/dicomdump", src=uri, field="00100020")
    (study,) = site.rows("/data/services/dicomdump", src=uri, field="00081030")
    assert (name["value"], patient_id["value"], study["value"]) == ("S1", "E1", site.project)


def test_anonymisation_can_be_prevented(site: Site) -> None:
    site.set_script('version "6.1"\n(0008,1030) := "cleaned"\n')
    archived = site.archive(site.send_to_prearchive(build_study(), prevent_anon="true")).text.strip()
    assert {one.StudyDescription for one in site.downloaded(archived).values()} == {"Thorax"}


@pytest.mark.parametrize(
    "script",
    [
        'version "6.1"\nnoSuchFunction[]\n',
        'version "9.9"\n',
        "(0010,0010) := subject\n",
        'version "6.1"\n(0010,0010) :=\n',
        'version "6.1"\n(0010,0010) := nobody\n',
    ],
    ids=["unknown function", "unknown version", "no version", "half a line", "unknown variable"],
)
def test_a_script_that_cannot_run_keeps_the_session_out_of_the_archive(site: Site, script: str) -> None:
    site.set_script(script)
    answer = site.archive(site.send_to_prearchive(build_study()))
    assert (answer.status_code, message_of(answer).startswith("Anonymization failed")) == (500, True)
    (row,) = site.prearchived()
    assert row["status"] == "ERROR"
    assert site.get(f"/data/projects/{site.project}/experiments/E1").status_code == 404


def test_a_site_script_that_cannot_run_lets_nothing_in(site: Site) -> None:
    default = site.get("/xapi/anonymize/default").text
    site.set_script('version "6.1"\nnoSuchFunction[]\n', place="site")
    answer = site.send(build_study(), dest=f"/prearchive/projects/{site.project}")
    site.set_script(default, place="site")
    site.no_site_script()
    assert answer.status_code == 500
    assert site.prearchived() == []


def test_instances_that_the_script_rejects_are_left_out(site: Site) -> None:
    site.set_script('version "6.6"\n(0008,0060) = "RTSTRUCT" ? reject[]\n')
    archived = site.archived(build_study())
    assert {one.Modality for one in site.downloaded(archived).values()} == {"CT"}
    site.set_script('version "6.6"\nreject[]\n')
    assert site.archive(site.send_to_prearchive(build_study(), session="E2")).status_code == 500


def test_references_survive_when_all_of_them_are_hashed(site: Site) -> None:
    site.set_script('version "6.6"\nhashUIDList[(0020,000D), (0008,0018), */(0008,1155)]\n')
    datasets = build_study()
    stored = site.downloaded(site.archived(datasets))
    assert set(stored) == {hashed_uid(str(one.SOPInstanceUID)) for one in datasets}
    structures = next(one for one in stored.values() if one.Modality == "RTSTRUCT")
    frame = structures.ReferencedFrameOfReferenceSequence[0]
    assert frame.RTReferencedStudySequence[0].ReferencedSOPInstanceUID in stored
    assert structures.file_meta.MediaStorageSOPInstanceUID == structures.SOPInstanceUID


def test_our_project_script_runs_on_the_oldest_dicomedit_it_says(tmp_path: Path) -> None:
    with running_xnat(tmp_path, dicom_edit="6.3") as process, Site(process) as site:
        site.no_site_script()
        site.set_script(PROJECT_SCRIPT)
        datasets = build_study(OtherPatientNames="Roe^Jane", PatientAddress="Road 1")
        stored = site.downloaded(site.archived(datasets))
        assert set(stored) == {str(one.SOPInstanceUID) for one in datasets}
        for dataset in stored.values():
            assert "OtherPatientNames" not in dataset
            assert "PatientAddress" not in dataset
            assert dataset.ReferringPhysicianName == ""
            assert dataset.PatientID == "PSEUDO1"
        site.set_script('version "6.3"\n(0010,0010) ?= subject\n')
        answer = site.archive(site.send_to_prearchive(build_study(), session="E2"))
        assert answer.status_code == 500
