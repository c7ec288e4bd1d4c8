"""One running Orthanc for the tests that leave it running; others start their own."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import Case, build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

type NewCase = Callable[..., Case]

_seeds = itertools.count(1)


@dataclass(frozen=True)
class Study:
    """A small case of a patient and study of its own, as files to send."""

    case: Case
    images: Path
    structure_set: Path

    @property
    def uid(self) -> str:
        return self.case.reference.study_uid


def worker_log(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """Return what the worker has said of a job."""
    text = (stack.deployment.logs / "worker.log").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line.get("job_id") == job_id]


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        stack.wait_until_healthy()
        yield stack


@pytest.fixture
def stack(shared_stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The shared stack; its logs are shown when a test fails."""
    yield shared_stack
    print(f"Logs of {request.node.name}: {shared_stack.tail()}")  # noqa: T201 - shown when it fails


@pytest.fixture
def new_case() -> NewCase:
    """Make small cases, each of a patient and study of its own."""

    def build(**options: object) -> Case:
        frame = ImageFrame(size=(24, 96, 96), spacing_mm=(4.0, 4.0), gap_mm=3.0)
        return build_case(**{"frame": frame, "regions": 5, "seed": next(_seeds), **options})  # type: ignore[arg-type]

    return build


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Case], tuple[Path, Path]]:
    """Write a case and return the folder of its images and the file of its structure set."""

    def write(case: Case) -> tuple[Path, Path]:
        folder = tmp_path / case.reference.study_uid
        case.write(folder)
        return folder / "images", folder / "rtstruct.dcm"

    return write


@pytest.fixture
def study(new_case: NewCase, written: Callable[[Case], tuple[Path, Path]]) -> Study:
    case = new_case()
    return Study(case, *written(case))
