"""Documents that are begun beside the extraction are those made of its files afterwards."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.rtstruct import FORMATS, Documents, Format, write_documents
from tests.unit.rtstruct.cases import read
from tests.unit.rtstruct.extraction import CASE, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DOCUMENTS = {"contours.json", "report.pdf", "scene.html"}


def regions_of(page: str) -> list[dict[str, Any]]:
    found = re.search(r'id="scene">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    regions: list[dict[str, Any]] = json.loads(found[1])["regions"]
    return regions


def test_they_say_the_same_and_the_meshes_are_not_read_again(tmp_path: Path) -> None:
    begun, afterwards = tmp_path / "begun", tmp_path / "afterwards"
    documents = Documents(read(CASE), begun, FORMATS)
    results = run(CASE, begun, on_region=documents.add)
    write_documents(read(CASE), run(CASE, afterwards), afterwards, FORMATS)
    for region in results.regions:
        assert region.stl_path is not None
        (begun / region.stl_path).unlink()
    documents.write(results)
    for one, other in zip(
        *(regions_of((folder / "scene.html").read_text("utf-8")) for folder in (begun, afterwards)),
        strict=True,
    ):
        sizes = [{key: len(part["mesh"].pop(key)) for key in ("vertices", "faces")} for part in (one, other)]
        assert sizes[0] == sizes[1]
        assert one == other
    for name in ("contours.json", "report.pdf"):
        assert (begun / name).read_bytes() == (afterwards / name).read_bytes()


def test_the_same_extraction_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = []
    for attempt in ("one", "two"):
        documents = Documents(read(CASE), tmp_path / attempt, FORMATS)
        documents.write(run(CASE, tmp_path / attempt, on_region=documents.add, jobs=3))
        pages.append({name: (tmp_path / attempt / name).read_bytes() for name in DOCUMENTS})
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("formats", "written"),
    [(["json"], {"contours.json"}), (["pdf"], {"report.pdf"}), (["html"], {"scene.html"}), ([], set())],
)
def test_only_what_is_asked_for_is_written(
    tmp_path: Path, formats: Sequence[Format], written: set[str]
) -> None:
    documents = Documents(read(CASE), tmp_path, formats)
    documents.write(run(CASE, tmp_path, formats=formats, on_region=documents.add))
    assert {path.name for path in tmp_path.iterdir()} & DOCUMENTS == written


def test_a_document_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    documents = Documents(read(CASE), tmp_path, FORMATS)
    results = run(CASE, tmp_path, on_region=documents.add)
    (tmp_path / "scene.html").mkdir()
    with pytest.raises(OSError, match="scene"):
        documents.write(results)
