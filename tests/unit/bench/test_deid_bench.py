"""The bench of de-identification judges rightly: what is left, what is broken, who has died."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from orthanc_plugins.deid.standard import confidentiality_rows
from tests.bench.deid.drivers.serving import one_by_one
from tests.bench.deid.driving import Driver, GoneError
from tests.bench.deid.judging import Judge, Verdict
from tests.bench.deid.looking import Leak, is_there, legible
from tests.bench.deid.recipe import full_recipe
from tests.bench.deid.report import leaked, leaks_table, speed_table
from tests.bench.deid.speed import IMAGES, SETS, Timed, Took, sized
from tests.bench.deid.tools import PACKAGES, versions
from tests.builders import ImageFrame, build_case
from tests.builders.planted import Corpus, build_corpus

if TYPE_CHECKING:
    from pathlib import Path

ECHO = (
    "import sys; from pathlib import Path; from tests.bench.deid.drivers.serving import one_by_one, serve;"
    "serve(one_by_one(lambda source, target: {work}))"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def judge(corpus: Corpus) -> Judge:
    """Return a judge without dciodvfy, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.bench.deid.judging.errors_in", lambda _path: 0)
        return Judge(corpus)


@pytest.fixture(autouse=True)
def _no_conformance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.deid.judging.errors_in", lambda _path: 0)


@pytest.fixture
def as_they_are(corpus: Corpus) -> dict[str, Path]:
    return {file: corpus.path(file) for file in corpus.files}


def edited(corpus: Corpus, file: str, folder: Path, **attributes: str) -> Path:
    dataset = pydicom.dcmread(corpus.path(file))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    path = folder / "edited.dcm"
    dataset.save_as(path)
    return path


def test_in_files_left_as_they_are_everything_is_found_and_nothing_is_broken(
    corpus: Corpus, judge: Judge, as_they_are: dict[str, Path]
) -> None:
    verdict = judge.verdict(as_they_are, {})
    planted = {(plant.value, plant.file) for plant in corpus.plants}
    assert {(leak.value, leak.file) for leak in verdict.leaks} == planted
    kept = sum(tally.kept for tally in verdict.facts.values())
    assert kept == len(corpus.kept)
    assert sum(tally.kept for tally in verdict.references.values()) >= len(corpus.references)
    everything = [*verdict.facts.values(), *verdict.references.values()]
    assert not any(tally.changed or tally.lost for tally in everything)
    assert verdict.regions[0] == verdict.regions[1] > 0
    assert verdict.intervals == (1, 1)
    assert verdict.marked["PatientIdentityRemoved"] == 0


def test_a_number_that_became_another_is_falsified_and_one_that_went_is_lost(
    corpus: Corpus, judge: Judge, as_they_are: dict[str, Path], tmp_path: Path
) -> None:
    path = edited(corpus, "planning/ct_1.dcm", tmp_path, KVP="0", SliceThickness="")
    facts = judge.verdict({**as_they_are, "planning/ct_1.dcm": path}, {}).facts
    assert (facts["parameter"].changed, facts["parameter"].lost) == (1, 0)
    assert (facts["geometry"].changed, facts["geometry"].lost) == (0, 1)


def test_a_new_uid_of_an_image_breaks_what_refers_to_it(
    corpus: Corpus, judge: Judge, as_they_are: dict[str, Path], tmp_path: Path
) -> None:
    path = edited(corpus, "planning/ct_1.dcm", tmp_path, SOPInstanceUID="2.25.1")
    tally = judge.verdict({**as_they_are, "planning/ct_1.dcm": path}, {}).references["instance"]
    wanted = [one for one in corpus.references if one.targets == ("planning/ct_1.dcm",)]
    instances = [one for one in wanted if one.role == "instance"]
    assert tally.changed + tally.lost == len(instances) > 5


def test_what_was_not_released_is_missed_by_nobody(
    corpus: Corpus, judge: Judge, as_they_are: dict[str, Path]
) -> None:
    del as_they_are["planning/ct_1.dcm"]
    verdict = judge.verdict(as_they_are, {"planning/ct_1.dcm": "died"})
    assert not any(tally.changed or tally.lost for tally in verdict.references.values())
    assert "planning/ct_1.dcm" not in {leak.file for leak in verdict.leaks}


@pytest.mark.parametrize(
    ("value", "data", "is_date", "found"),
    [
        (b"9123456", b"2.25.8891234567", False, False),
        (b"9123456", b"ID9123456,", False, True),
        (b"20200131", b"20200131081500.1", True, True),
        (b"20200131", b"2.25.120200131", True, False),
        (b"Kubatomi", b"xKubatomix", False, True),
    ],
)
def test_numbers_are_whole_runs_of_digits(value: bytes, data: bytes, *, is_date: bool, found: bool) -> None:
    assert is_there(value, data, is_date=is_date) is found


def test_a_line_that_is_still_drawn_can_be_read_and_one_painted_over_cannot() -> None:
    drawn = np.zeros((30, 40), dtype=bool)
    drawn[4:10, 5:30:3] = drawn[18:24, 5:30:4] = True
    assert legible(drawn, drawn)
    half = drawn.copy()
    half[:12] = True
    assert legible(drawn, half), "the second line is still there"
    assert not legible(drawn, np.ones_like(drawn))
    assert not legible(drawn, np.zeros((0, 0), dtype=bool))


def test_a_driver_tells_failures_deaths_and_hangs(tmp_path: Path) -> None:
    pair = [(tmp_path / "a", tmp_path / "b")]

    def driver(work: str) -> Driver:
        return Driver([sys.executable, "-c", ECHO.format(work=work)], tmp_path / "log")

    with driver("Path(target).write_text(str(1 / len(source)))") as well:
        assert well.ask(pair, 20).failed == {}
    assert pair[0][1].is_file()
    with driver("1 / 0") as failing:
        assert failing.ask(pair, 20).failed == {f"{pair[0][0]}": "ZeroDivisionError"}
    assert not pair[0][1].exists()
    with driver("__import__('os')._exit(3)") as dying, pytest.raises(GoneError, match="died"):
        dying.ask(pair, 20)
    with driver("__import__('time').sleep(60)") as hanging, pytest.raises(GoneError, match="no answer"):
        hanging.ask(pair, 0.5)


def test_what_a_tool_wrote_before_it_failed_is_no_release(tmp_path: Path) -> None:
    def halfway(_source: str, target: str) -> None:
        with open(target, "w", encoding="ascii") as file:  # noqa: PTH123 - as a peer does
            file.write("half")
        raise SystemExit

    target = tmp_path / "out"
    assert one_by_one(halfway)([("in", f"{target}")]) == {"in": "SystemExit"}
    assert not target.exists()


def test_the_recipe_has_a_line_for_every_row_that_can_be_said() -> None:
    lines = full_recipe().splitlines()
    assert "REMOVE contains:^60..3000" in lines
    assert "BLANK 00100030" in lines
    assert "REPLACE 00080018 func:new_uid" in lines
    assert len(lines) > 0.9 * len(confidentiality_rows())


def test_a_set_is_as_large_as_asked_and_has_no_new_points() -> None:
    case = build_case(frame=ImageFrame(size=(9, 24, 30)), regions=2)
    before = {
        bytes(contour.get_item("ContourData").value)
        for roi in case.structure_set.ROIContourSequence
        for contour in roi.ContourSequence
    }
    made = sized(case.copied_structure_set(), 60_000)
    after = [
        bytes(contour.get_item("ContourData").value)
        for roi in made.ROIContourSequence
        for contour in roi.ContourSequence
    ]
    assert set(after) <= before
    assert 40_000 < sum(map(len, after)) < 60_000


def test_tables_say_what_options_allow() -> None:
    leaks = [Leak("101.5", "measure", "a", "b"), Leak("Kubatomi", "vocabulary", "a", "c")]
    assert leaked("ours, research_rt", leaks) == []
    assert leaked("ours, basic", leaks) == leaks[:1]
    verdict = dataclasses.replace(Verdict(), released=["a"], leaks=leaks)
    assert "| dicognito | 1 of 2 | 1 | 1 |" in leaks_table({"dicognito": verdict}, 2)


def test_ratios_are_of_the_best_passes_to_ours() -> None:
    def cases(seconds: float) -> dict[str, Timed]:
        return {name: Timed(10, [Took(seconds, seconds), Took(9, 9)]) for name in (IMAGES, *SETS)}

    table = speed_table({"ours, engine": cases(0.5), "peer": cases(2.0)})
    assert "| peer | 5 | 2 | 5 | 4.00 |" in table
    assert "| ours, engine | 20 | 2 | 20 | 1.00 |" in table


def test_every_peer_has_exact_versions_and_hashes() -> None:
    assert len(PACKAGES) == 5
    for package in PACKAGES:
        assert versions(package)[package]
