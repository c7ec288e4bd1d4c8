"""The command line on a real Orthanc that asks for a password."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.cli import DONE, USAGE, main
from orthanc_plugins.cli.rtstruct.orthanc_address import PASSWORD_VARIABLE, USER_VARIABLE
from tests.builders import Case, Identity, ImageFrame, build_case
from tests.contract.real_orthanc import RealOrthanc, running_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

FRAME = ImageFrame(size=(10, 32, 32), spacing_mm=(5.0, 5.0), gap_mm=5.0)
USER, PASSWORD = "physicist", "geheim-4711"
MASKS = ("--formats", "nifti", "--jobs", "2")


def written(dataset: FileDataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [
        build_case(frame=FRAME, regions=2, seed=seed, identity=Identity(patient_id=f"P{seed // 2}"))
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory, cases: list[Case]) -> Iterator[RealOrthanc]:
    """An Orthanc without the suite, which holds three studies of two patients."""
    options = {"Plugins": [], "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD}}
    with running_orthanc(tmp_path_factory.mktemp("orthanc"), None, **options) as started:
        for case in cases:
            for dataset in (*case.images, case.structure_set):
                ask(started, "POST", "/instances", written(dataset))
        yield started


def ask(orthanc: RealOrthanc, method: str, path: str, body: bytes | str | None = None) -> Any:
    answer = requests.request(method, orthanc.url + path, data=body, auth=(USER, PASSWORD), timeout=30)
    answer.raise_for_status()
    return answer.json()


def with_password(orthanc: RealOrthanc) -> str:
    return orthanc.url.replace("http://", f"http://{USER}:{PASSWORD}@")


def run(*arguments: str | Path) -> int:
    return main(["rtstruct", *map(str, arguments)])


def sets_in(output: Path) -> set[str]:
    with (output / "index.csv").open(encoding="utf-8", newline="") as stream:
        return {row["structure_set_uid"] for row in csv.DictReader(stream)}


def uid_of(case: Case) -> str:
    return str(case.structure_set.SOPInstanceUID)


def test_all_sets_of_an_orthanc_give_what_their_files_give(
    orthanc: RealOrthanc, cases: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, case in enumerate(cases):
        case.write(tmp_path / "in" / str(number))
    assert run(tmp_path / "in", tmp_path / "files", *MASKS) == DONE
    assert run(with_password(orthanc), tmp_path / "out", *MASKS) == DONE
    assert sets_in(tmp_path / "out") == set(map(uid_of, cases))
    masks = sorted(path.relative_to(tmp_path / "files") for path in (tmp_path / "files").rglob("*.nii.gz"))
    assert len(masks) == 9
    for mask in masks:
        assert (tmp_path / "out" / mask).read_bytes() == (tmp_path / "files" / mask).read_bytes()
    assert run(with_password(orthanc), tmp_path / "out", *MASKS) == DONE
    assert "(3 of them before this run" in capsys.readouterr().err


def test_the_password_is_nowhere(
    orthanc: RealOrthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"{with_password(orthanc)}/?study=1.2.3.4", tmp_path / "none") == USAGE
    assert run(with_password(orthanc), tmp_path / "out", *MASKS) == DONE
    wrong = orthanc.url.replace("http://", f"http://{USER}:{PASSWORD}x@")
    assert run(wrong, tmp_path / "wrong") == USAGE
    out, err = capsys.readouterr()
    assert "check the suite's user, password and rights" in err
    assert "holds nothing under" in err
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in {".json", ".csv"}]
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["inputs"] == [orthanc.url]
    assert PASSWORD not in out + err + "".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances", "?study="])
def test_a_part_of_an_orthanc_is_named_by_level(
    orthanc: RealOrthanc, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv(USER_VARIABLE, USER)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    case = cases[2]
    instance = ask(orthanc, "POST", "/tools/lookup", uid_of(case))[0]["ID"]
    parents = {
        "instances": instance,
        "series": ask(orthanc, "GET", f"/instances/{instance}/series")["ID"],
        "studies": ask(orthanc, "GET", f"/instances/{instance}/study")["ID"],
        "patients": ask(orthanc, "GET", f"/instances/{instance}/patient")["ID"],
    }
    part = f"/?study={case.reference.study_uid}" if level == "?study=" else f"/{level}/{parents[level]}"
    assert run(orthanc.url + part, tmp_path, "--formats", "nifti") == DONE
    assert sets_in(tmp_path) == {uid_of(case)}
    assert (tmp_path / uid_of(case) / "masks" / "002_Lung_L.nii.gz").is_file()


def test_files_and_addresses_mix_and_absent_images_are_said(
    orthanc: RealOrthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lonely = build_case(frame=FRAME, regions=1, seed=9)
    stored = ask(orthanc, "POST", "/instances", written(lonely.structure_set))["ID"]
    path = build_case(frame=FRAME, regions=1, seed=10).write(tmp_path / "in")[-1]
    address = f"{with_password(orthanc)}/?study={lonely.reference.study_uid}"
    assert run(path.parent, address, tmp_path / "out", *MASKS) == DONE
    ask(orthanc, "DELETE", f"/instances/{stored}")
    assert len(sets_in(tmp_path / "out")) == 2
    results = json.loads((tmp_path / "out" / uid_of(lonely) / "results.json").read_text(encoding="utf-8"))
    assert results["problems"][0]["code"] == "no_images"
    assert "structure sets: 1, in Orthanc: 1, images: 10" in capsys.readouterr().err


def test_an_address_where_nothing_answers_and_one_without_sets(
    orthanc: RealOrthanc, cases: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("http://127.0.0.1:9", tmp_path) == USAGE
    said = "http://127.0.0.1:9 does not answer (connection refused): is Orthanc running there?"
    assert said in capsys.readouterr().err
    series = cases[0].reference.series_uid
    assert run(f"{with_password(orthanc)}/series/{series}", tmp_path) == USAGE
    assert "no RT Structure Set among the inputs" in capsys.readouterr().err
