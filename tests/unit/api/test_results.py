"""The results of structure sets, and that nothing else can be had by asking cleverly."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import REGIONS, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from orthanc_plugins.store import ResultRecord
    from tests.unit.api.conftest import World

SETS = "1.2.1.2"


@pytest.fixture
def result(world: World) -> ResultRecord:
    return world.publish(world.ask(world.receive()))


@pytest.mark.usefixtures("result")
def test_results_tell_numbers_files_and_viewer(client: Client) -> None:
    answer = client.get(f"api/rtstruct/{SETS}").json()
    assert answer["folder"] == "1.2.1/1.2.1.2/1.2.1.2.1"
    assert answer["viewer_url"] == "http://viewer.invalid/viewer?StudyInstanceUIDs=1.2.1"
    assert [region["name"] for region in answer["results"]["regions"]] == [
        "Lung/../left \N{GREEK SMALL LETTER ALPHA}",
        "",
    ]
    assert answer["other_structure_sets"] == []


@pytest.mark.usefixtures("result")
def test_every_address_that_is_told_can_be_opened(client: Client) -> None:
    files = client.get(f"api/rtstruct/{SETS}").json()["files"]
    assert set(files) == {
        "results.json",
        "contours.json",
        "labels.nii.gz",
        "overview.png",
        "results.zip",
        "regions.csv",
        "1/mask.nii.gz",
        "1/partial.nii.gz",
        "1/mesh.stl",
        "1/preview.png",
        "1/dvh.json",
    }
    for address in files.values():
        assert address.startswith(f"/pacs/api/rtstruct/{SETS}/")
        assert client.get(address).status_code == 200


@pytest.mark.usefixtures("result")
def test_addresses_stand_behind_what_a_proxy_puts_in_front(app: FastAPI) -> None:
    client = Client(app, mount="/hospital/pacs")
    files = client.get(f"api/rtstruct/{SETS}").json()["files"]
    assert files["results.json"] == (
        f"/hospital/pacs/api/rtstruct/{SETS}/results.json?sop_instance_uid=1.2.1.2.1"
    )
    assert client.get(files["results.json"]).status_code == 200


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    ("path", "content", "media_type"),
    [
        ("regions/1/mask.nii.gz", b"content of masks/001.nii.gz", "application/gzip"),
        ("regions/1/partial.nii.gz", b"content of masks/001.partial.nii.gz", "application/gzip"),
        ("regions/1/mesh.stl", b"content of meshes/001.stl", "model/stl"),
        ("regions/1/preview.png", b"content of previews/001.png", "image/png"),
        ("regions/1/dvh.json", b"content of dose/001.json", "application/json"),
        ("labels.nii.gz", b"content of masks/labels.nii.gz", "application/gzip"),
        ("contours.json", b"content of contours.json", "application/json"),
    ],
)
def test_a_file_is_answered_as_it_is(client: Client, path: str, content: bytes, media_type: str) -> None:
    answer = client.get(f"api/rtstruct/{SETS}/{path}")
    assert answer.content == content
    assert answer.headers["content-type"] == media_type


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ("regions/1/mask.nii.gz", 'attachment; filename="rtstruct_1.2.1.2.1_001.nii.gz"'),
        ("regions/1/mesh.stl", 'attachment; filename="rtstruct_1.2.1.2.1_001.stl"'),
        ("regions/1/preview.png", 'inline; filename="rtstruct_1.2.1.2.1_001.png"'),
        ("regions/1/dvh.json", 'inline; filename="rtstruct_1.2.1.2.1_001.json"'),
        ("labels.nii.gz", 'attachment; filename="rtstruct_1.2.1.2.1_labels.nii.gz"'),
        ("contours.json", 'inline; filename="rtstruct_1.2.1.2.1_contours.json"'),
        ("results.zip", 'attachment; filename="rtstruct_1.2.1.2.1.zip"'),
    ],
)
def test_a_download_has_the_name_of_the_file_and_what_browsers_can_show_is_shown(
    client: Client, path: str, disposition: str
) -> None:
    assert client.get(f"api/rtstruct/{SETS}/{path}").headers["content-disposition"] == disposition


@pytest.mark.parametrize(
    "name",
    ['a"; filename="b', "a\r\nX-Evil: 1", "L\N{LATIN SMALL LETTER U WITH DIAERESIS}nge", "a b;c", "a\\b"],
)
def test_a_hostile_file_name_stays_inside_its_header(client: Client, world: World, name: str) -> None:
    region = {**REGIONS[0], "mask_path": f"masks/{name}.nii.gz"}
    world.publish(world.ask(world.receive()), [region])
    answer = client.get(f"api/rtstruct/{SETS}/regions/1/mask.nii.gz")
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    disposition = answer.headers["content-disposition"]
    prefix = "attachment; filename*=utf-8''"
    assert disposition.startswith(prefix)
    assert re.fullmatch(r"[A-Za-z0-9._~%-]+", disposition.removeprefix(prefix))
    assert unquote(disposition.removeprefix(prefix)) == f"rtstruct_1.2.1.2.1_{name}.nii.gz"


def test_downloads_of_two_structure_sets_of_a_series_have_different_names(
    client: Client, world: World
) -> None:
    uids = [f"2.25.2347272086126467854483908776609288707{end}" for end in (82, 83)]
    for uid in uids:
        world.publish(world.ask(world.receive(uid, content=uid.encode()), uid=uid))
    for path in ("results.zip", "results.json", "labels.nii.gz", "regions/1/mask.nii.gz"):
        asked = [client.get(f"api/rtstruct/{SETS}/{path}", params={"sop_instance_uid": uid}) for uid in uids]
        names = [answer.headers["content-disposition"] for answer in asked]
        assert "rtstruct_660928870782" in names[0]
        assert len(set(names)) == 2


def test_the_zip_holds_every_file_of_the_results(client: Client, world: World, result: ResultRecord) -> None:
    answer = client.get(f"api/rtstruct/{SETS}/results.zip")
    assert answer.headers["content-type"] == "application/zip"
    folder = world.services.exports / result.folder
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        packed = {name: archive.read(name) for name in archive.namelist()}
        assert {name.split("/")[0] for name in packed} == {"rtstruct_1.2.1.2.1"}
    written = {
        f"rtstruct_1.2.1.2.1/{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert len(packed) == 9
    assert packed == written


def test_the_newest_of_several_structure_sets_is_shown_and_an_older_one_can_be_asked_for(
    client: Client, world: World, result: ResultRecord
) -> None:
    newer = world.receive("1.2.1.2.9", content=b"newer")
    world.publish(world.ask(newer, uid="1.2.1.2.9"))
    answer = client.get(f"api/rtstruct/{SETS}").json()
    assert answer["sop_instance_uid"] == "1.2.1.2.9"
    assert [other["sop_instance_uid"] for other in answer["other_structure_sets"]] == ["1.2.1.2.1"]
    older = client.get(f"api/rtstruct/{SETS}", params={"sop_instance_uid": "1.2.1.2.1"}).json()
    assert older["sop_instance_uid"] == "1.2.1.2.1"


def test_results_are_listed_newest_first(client: Client, world: World) -> None:
    places = [("1.2.1", SETS, "1.2.1.2.1"), ("1.2.1", SETS, "1.2.1.2.2"), ("1.2.8", "1.2.8.2", "1.2.8.2.1")]
    for study, series, uid in places:
        instance = world.receive(uid, study=study, series=series)
        world.publish(world.ask(instance, uid=uid, study=study, series=series))

    def listed(**wanted: object) -> list[str]:
        answer = client.get("api/rtstruct", params=wanted)
        assert answer.status_code == 200
        return [result["sop_instance_uid"] for result in answer.json()["results"]]

    assert listed() == ["1.2.8.2.1", "1.2.1.2.2", "1.2.1.2.1"]
    assert listed(study="1.2.1") == ["1.2.1.2.2", "1.2.1.2.1"]
    assert listed(study=orthanc_id("1.2.8")) == listed(series="1.2.8.2") == ["1.2.8.2.1"]
    assert listed(limit=1, offset=1) == ["1.2.1.2.2"]
    assert listed(study="1.2.9") == []
    oldest = client.get("api/rtstruct", params={"offset": 2}).json()["results"][0]
    assert (oldest["study_uid"], oldest["series_uid"]) == ("1.2.1", SETS)
    assert (oldest["regions"], oldest["regions_with_problems"]) == (2, 1)
    assert oldest["created_at"]
    assert oldest["viewer_url"] == "http://viewer.invalid/viewer?StudyInstanceUIDs=1.2.1"
    assert client.get(oldest["href"]).json()["sop_instance_uid"] == "1.2.1.2.1"


def told(answer: Any) -> Iterator[str]:
    """Yield every address of results that an answer tells."""
    if isinstance(answer, str):
        if answer.startswith("/pacs/api/rtstruct/"):
            yield answer
    elif isinstance(answer, dict | list):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from told(part)


@pytest.mark.parametrize("asked", ["results", "job", "process"])
def test_every_address_told_of_a_structure_set_leads_to_it_and_not_to_a_newer_one(
    client: Client, world: World, result: ResultRecord, asked: str
) -> None:
    newer = world.publish(world.ask(world.receive("1.2.1.2.9", content=b"newer"), uid="1.2.1.2.9"))
    for path in (world.services.exports / newer.folder).rglob("*.*"):
        if path.name != "results.json":
            path.write_bytes(b"NEWER")
    older = {"sop_instance_uid": "1.2.1.2.1"}
    answers = {
        "results": lambda: client.get(f"api/rtstruct/{SETS}", params=older),
        "job": lambda: client.get(f"api/jobs/{result.job_id}"),
        "process": lambda: client.post("api/process", json={"study_instance_uid": "1.2.1", **older}),
    }
    answer = answers[asked]().json()
    others = {other["href"] for other in answer.get("other_structure_sets", ())}
    addresses = set(told(answer)) - others
    assert len(addresses) == {"results": 11, "job": 1, "process": 3}[asked]
    for address in addresses:
        found = client.get(address)
        assert found.status_code == 200
        assert b"NEWER" not in found.content
        if found.headers["content-type"] == "application/json" and address.split("?")[0].endswith(
            ("results.json", SETS)
        ):
            content = found.json()
            assert content.get("results", content)["sources"]["structure_set_uid"] == "1.2.1.2.1"
        if found.headers["content-type"] == "application/zip":
            with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
                assert b"NEWER" not in b"".join(archive.read(name) for name in archive.namelist())
    for address in others:
        assert client.get(address).json()["sop_instance_uid"] == "1.2.1.2.9"


def test_what_stands_for_an_invalid_uid_can_be_followed_too(client: Client, world: World) -> None:
    job_id = world.ask(world.receive(uid="x"), uid="invalid-78")
    world.publish(job_id)
    address = client.get(f"api/jobs/{job_id}").json()["results_url"]
    assert client.get(address).json()["sop_instance_uid"] == "invalid-78"


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    "path",
    [
        "1.2.9",
        f"{SETS}?sop_instance_uid=1.2.9",
        f"{SETS}/unknown.txt",
        f"{SETS}/report.pdf",
        f"{SETS}/regions/3/mask.nii.gz",
        f"{SETS}/regions/2/mask.nii.gz",
        f"{SETS}/regions/1/unknown.txt",
        f"{SETS}/regions/2/dvh.json",
        f"{SETS}/dvh.png",
        f"{SETS}/regions/1",
    ],
)
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.get(f"api/rtstruct/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize("path", ["regions/2/dvh.json", "dvh.png"])
def test_without_a_dose_a_histogram_that_is_not_there_says_so(client: Client, path: str) -> None:
    answer = client.get(f"api/rtstruct/{SETS}/{path}")
    assert answer.status_code == 404
    assert "no RT Dose of this structure set's frame of reference is there" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/results.zip", "/results.json", "/regions/1/mask.nii.gz"])
def test_results_whose_files_are_gone_are_not_found(
    client: Client, world: World, result: ResultRecord, path: str
) -> None:
    for file in sorted((world.services.exports / result.folder).rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    answer = client.get(f"api/rtstruct/{SETS}{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    "path",
    [
        f"{SETS}/..%2f..%2f..%2fsecret.txt",
        f"{SETS}/../../../secret.txt",
        f"{SETS}/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        f"{SETS}/regions/1/..%2f..%2fsecret.txt",
        f"{SETS}/regions/..%2f1/mask.nii.gz",
        "..%2f..%2fsecret.txt",
        "../secret.txt",
        "..",
        "%2e%2e",
        f"..%2f{SETS}/results.json",
        f"{SETS}%2f..%2f..%2fsecret.txt",
        f"{SETS}/%00",
        f"{SETS}/results.json%00",
        f"{SETS}?sop_instance_uid=../../secret.txt",
        f"{SETS}/regions/-1/mask.nii.gz",
        f"{SETS}/regions/1e9/mask.nii.gz",
        f"{SETS}/regions/99999999999999999999999/mask.nii.gz",
    ],
)
def test_nothing_outside_the_results_can_be_had(client: Client, world: World, path: str) -> None:
    (world.services.exports / "secret.txt").write_text("SECRET", encoding="utf-8")
    answer = client.get(f"api/rtstruct/{path}")
    assert answer.status_code in {404, 422}
    assert "SECRET" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"
