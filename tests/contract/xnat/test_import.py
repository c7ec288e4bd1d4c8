"""The import service over bare HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pynetdicom import AE

from tests.contract.xnat.site import build_study, message_of, zip_of
from tests.stack import eventually
from tests.standin_objects import build_object, content_of, new_uid

if TYPE_CHECKING:
    from tests.contract.xnat.site import Site


def test_to_the_prearchive_it_builds_at_once_and_answers_with_one_uri_a_line(site: Site) -> None:
    datasets = build_study()
    answer = site.send(
        datasets, dest=f"/prearchive/projects/{site.project}", subject="S1", session="E1", overwrite="append"
    )
    assert answer.headers["Content-Type"].startswith("text/uri-list")
    (row,) = site.prearchived()
    assert answer.text == f"/data{row['url']}\r\n"
    assert row["url"] == f"/prearchive/projects/{site.project}/{row['timestamp']}/E1"
    assert (row["status"], row["tag"], row["subject"]) == ("READY", datasets[0].StudyInstanceUID, "S1")


def test_a_single_uri_as_text_has_no_line_end(site: Site) -> None:
    answer = site.post(
        "/data/services/import",
        params={"dest": f"/prearchive/projects/{site.project}", "session": "E1", "subject": "S1"},
        files={"file": ("a.zip", zip_of(build_study()))},
        headers={"Accept": "text/plain"},
    )
    assert answer.text.endswith("/E1")


def test_studies_of_one_zip_are_split(site: Site) -> None:
    answer = site.send([*build_study(), *build_study()], dest=f"/prearchive/projects/{site.project}")
    assert len(answer.text.splitlines()) == len(site.prearchived()) == 2


def test_si_takes_one_study_only(site: Site) -> None:
    parameters = {"import-handler": "SI", "dest": f"/prearchive/projects/{site.project}"}
    answer = site.send([*build_study(), *build_study()], **parameters)
    assert answer.status_code == 400
    assert message_of(answer) == "Upload included files for multiple imaging sessions."
    assert site.prearchived() == []
    answer = site.send([], **parameters)
    assert message_of(answer) == "Upload did not include parsable files for session generation."


def test_a_file_that_is_no_dicom_is_refused_unless_it_is_to_be_ignored(site: Site) -> None:
    packed = zip_of(build_study(), notes=b"no DICOM")
    parameters = {"inbody": "true", "dest": f"/prearchive/projects/{site.project}", "session": "E1"}
    assert site.post("/data/services/import", params=parameters, data=packed).status_code == 400
    parameters["Ignore-Unparsable"] = "true"
    assert site.post("/data/services/import", params=parameters, data=packed).status_code == 200


def test_uploads_that_are_none_are_refused(site: Site) -> None:
    answer = site.post("/data/services/import", data=b"PK")
    assert (answer.status_code, message_of(answer)) == (400, "Unable to identify upload format.")
    two = [("a", ("a.zip", zip_of(build_study()))), ("b", ("b.zip", zip_of(build_study())))]
    answer = site.post("/data/services/import", files=two)
    assert message_of(answer) == "Importer is limited to one uploaded resource at a time."
    assert site.send(build_study(), **{"import-handler": "nobody"}).status_code == 404
    assert site.send(build_study(), dest=f"/somewhere/{site.project}").status_code == 400
    assert site.send(build_study(), project="NOBODY").status_code == 404


def test_what_is_not_played_is_refused_and_not_passed_over(site: Site) -> None:
    for parameters in ({"Direct-Archive": "true"}, {"http-session-listener": "1"}, {"import-handler": "XAR"}):
        assert site.send(build_study(), project=site.project, **parameters).status_code == 501


def test_to_the_archive_it_answers_with_the_archived_session(site: Site) -> None:
    destination = f"/archive/projects/{site.project}/subjects/S1/experiments/E1"
    answer = site.send(build_study(), dest=destination)
    assert answer.text == f"/data{destination}\r\n"
    assert site.prearchived() == []


def test_a_conflict_in_the_archive_is_a_bad_request_of_a_zip_and_a_conflict_of_si(site: Site) -> None:
    destination = f"/archive/projects/{site.project}/subjects/S1/experiments/E1"
    datasets = build_study()
    site.send(datasets, dest=destination)
    answer = site.send(datasets, dest=destination)
    assert answer.status_code == 400
    assert message_of(answer) == "unable to archive for the Prearchive session"
    assert [row["status"] for row in site.prearchived()] == ["CONFLICT"]
    answer = site.send(datasets, dest=destination, **{"import-handler": "SI"})
    assert answer.status_code == 409
    assert message_of(answer) == "Session already exists, retry with overwrite enabled"


def test_without_destination_a_row_waits_and_is_built_when_nothing_more_comes(site: Site) -> None:
    answer = site.send(build_study(), project=site.project, subject="S1", session="E1")
    assert answer.text.startswith(f"/data/prearchive/projects/{site.project}/")
    assert site.prearchived()[0]["status"] == "RECEIVING"
    eventually(lambda: site.prearchived()[0]["status"] == "READY", "the idle session is built")


def test_an_automatic_project_archives_by_itself(site: Site) -> None:
    site.put(f"/data/projects/{site.project}/prearchive_code/4")
    site.send(build_study(), project=site.project, subject="S1", session="E1")
    path = f"/data/projects/{site.project}/subjects/S1/experiments/E1"
    eventually(lambda: site.get(path).status_code == 200, "the session is archived")
    assert site.prearchived() == []


def test_new_data_goes_into_the_row_that_is_there(site: Site) -> None:
    datasets = build_study()
    first = site.send_to_prearchive(datasets[:1])
    assert site.send_to_prearchive(datasets[1:]) == first
    (scan_2, scan_3) = site.rows(f"{first}/scans")
    assert (scan_2["ID"], scan_3["ID"]) == ("2", "3")
    assert len(site.rows(f"{first}/scans/2/resources/DICOM/files")) == 2


def test_images_are_dicom_and_what_is_about_them_is_secondary(site: Site) -> None:
    uri = site.send_to_prearchive(build_study())
    assert [row["label"] for row in site.rows(f"{uri}/scans/2/resources")] == ["DICOM"]
    assert [row["label"] for row in site.rows(f"{uri}/scans/3/resources")] == ["secondary"]


def test_two_series_of_one_number_are_two_scans_and_one_without_is_named_for_its_uid(site: Site) -> None:
    study, third = new_uid(), new_uid()
    common = {"StudyInstanceUID": study, "SeriesNumber": "2"}
    datasets = [build_object(SeriesInstanceUID=new_uid(), **common) for _ in range(2)]
    datasets.append(build_object(StudyInstanceUID=study, SeriesInstanceUID=third, SeriesNumber=None))
    uri = site.send_to_prearchive(datasets)
    assert {row["ID"] for row in site.rows(f"{uri}/scans")} == {"2", "2-CT1", third}


@pytest.mark.parametrize("keyword", ["PatientComments", "StudyComments", "AdditionalPatientHistory"])
def test_headers_route_what_says_nothing_else(site: Site, keyword: str) -> None:
    said = {keyword: f"Project:{site.project}; Subject:S7 Session:E7"}
    answer = site.send(build_study(**said))
    (row,) = site.prearchived()
    assert (row["subject"], row["name"]) == ("S7", "E7")
    assert answer.text.strip() == f"/data{row['url']}"


def test_without_a_project_it_is_unassigned(site: Site) -> None:
    study = new_uid()
    answer = site.send(build_study(StudyInstanceUID=study))
    assert answer.text.startswith("/data/prearchive/projects/Unassigned/")
    (row,) = site.rows("/data/prearchive/projects", tag=study)
    assert (row["project"], row["subject"], row["name"]) == ("Unassigned", "PSEUDO1", "PSEUDO1")


def test_one_file_comes_by_itself(site: Site) -> None:
    (image, *_) = build_study(PatientComments=f"Project:{site.project}")
    answer = site.post(
        "/data/services/import", data=content_of(image), headers={"Content-Type": "application/dicom"}
    )
    assert answer.status_code == 200, answer.text
    assert site.prearchived()[0]["status"] == "RECEIVING"


def test_what_comes_by_c_store_is_routed_by_its_headers(site: Site) -> None:
    entity = AE(ae_title="ORTHANC")
    datasets = build_study(PatientComments=f"Project:{site.project} Subject:S1 Session:E1")
    for dataset in datasets:
        entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", site.process.dicom_port, ae_title="XNAT")
    assert association.is_established
    assert [association.send_c_store(dataset).Status for dataset in datasets] == [0, 0, 0]
    association.release()
    eventually(lambda: site.prearchived()[0]["status"] == "READY", "the session is built")
    assert site.prearchived()[0]["name"] == "E1"
