"""What is told: rows and their ratios, sentences, pictures, the report, earlier runs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark import telling
from orthanc_plugins.benchmark.analysis import analyse
from orthanc_plugins.benchmark.charts import Group, Line, Point, Strip, history_chart, strip_chart
from orthanc_plugins.benchmark.hardware import Hardware
from orthanc_plugins.benchmark.history import earlier_runs
from orthanc_plugins.benchmark.measuring import RoundMemory, Turn
from orthanc_plugins.benchmark.plan import Plan, Question
from orthanc_plugins.benchmark.publishing import publish
from orthanc_plugins.benchmark.results import ArchiveFacts, DiskUse, MemoryUse, Results
from orthanc_plugins.benchmark.samples import Condition, Outcome, Sample
from orthanc_plugins.benchmark.workloads import RowKind
from orthanc_plugins.cli.benchmark import _show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KIND = RowKind(
    "retrieve_wado",
    Question.RETRIEVE,
    "Retrieval of a study of 500 MB",
    "WADO-RS",
    "one GET",
    {Condition.COLD: "new", Condition.WARM: "kept"},
)
LEFT, RIGHT = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE


def samples(
    factor: float = 1.0, rounds: int = 12, *, faults: int = 0, seed: int = 3, repeats: int = 3
) -> list[Sample]:
    """Samples of both archives, the right slower by a factor, some of its answers wrong."""
    random = np.random.default_rng(seed)
    made: list[Sample] = []
    for number in range(rounds + 1):
        for name in ArchiveName:
            slower = factor if name is RIGHT else 1.0
            for place in range(1 + repeats):
                wrong = name is RIGHT and place > 0 and len(made) < 8 * faults
                made.append(
                    Sample(
                        row=KIND.key,
                        archive=name,
                        round=number,
                        turn=1,
                        number=place,
                        started_s=0.0,
                        condition=Condition.WARM if place else Condition.COLD,
                        duration_s=slower * float(random.lognormal(0, 0.1)),
                        outcome=Outcome.WRONG if wrong else Outcome.OK,
                        detail="2 files of 3" if wrong else "",
                        size_bytes=1,
                        found=1,
                    )
                )
    return made


def facts(**changes: Any) -> ArchiveFacts:
    plain = ArchiveFacts(
        address="http://127.0.0.1:8042/dicom-web",
        version="1.12.7",
        stand_in=None,
        dicom="ORTHANC@127.0.0.1:4242",
        on_this_machine=True,
        storage="/var/lib/orthanc",
        disk="/dev/sda, SSD",
        cold="dropped",
        before={"studies": 3},
        after={"studies": 3},
        changed={},
        left_behind=0,
        cleaning="",
        memory=MemoryUse(("Orthanc (pid 7)",), 30_000_000, 90_000_000, (80_000_000, 90_000_000)),
        disk_use=DiskUse(1000, 1010, 2000, 2200),
    )
    return replace(plain, **changes)


def results(
    found: Sequence[Sample], *, run_id: str = "0123abcd", hour: int = 12, right: ArchiveFacts | None = None
) -> Results:
    return Results(
        plan=Plan(run_id, 1.0, 12, 5, (Question.RETRIEVE,)),
        started=datetime(2026, 11, 29, hour, tzinfo=UTC),
        ended=datetime(2026, 11, 29, hour, 20, tzinfo=UTC),
        hardware=Hardware("EPYC", 2, 8_000_000_000, "Linux 6", "CPython 3.13", 0.2),
        load_after=1.5,
        archives={LEFT: facts(), RIGHT: right or facts(version="5.34.1")},
        rows=analyse([KIND], found, 5),
        ceilings={(KIND.key, Condition.WARM): 0.1},
        not_asked=["Upload by C-STORE: DCM4CHEE: its DICOM address is not known."],
        notes=[],
        schedule=[Turn(0, KIND.key, LEFT)],
        samples=found,
        memory=[RoundMemory(1, LEFT, 80_000_000, None)],
    )


# Ratios


def test_a_ratio_that_is_significant_is_told_with_its_interval() -> None:
    cold, warm = analyse([KIND], samples(1.5), 1)
    for row in (cold, warm):
        assert row.withheld is None
        assert row.performance_ratio == pytest.approx(1.5, rel=0.15)
        assert row.ratio is not None
        assert row.ratio.low is not None
        assert row.ratio.low > 1
        assert row.corrected_p_value is not None
        assert row.p_value is not None
        assert row.p_value <= row.corrected_p_value <= 0.05


def test_a_ratio_is_dcm4chees_median_over_orthancs() -> None:
    _, warm = analyse([KIND], samples(0.5), 1)
    medians = [warm.sides[name].median_s or 0.0 for name in (LEFT, RIGHT)]
    assert warm.performance_ratio == pytest.approx(medians[1] / medians[0], rel=0.01)
    assert warm.performance_ratio == pytest.approx(0.5, rel=0.15)


def test_a_ratio_that_may_be_chance_is_withheld() -> None:
    _, warm = analyse([KIND], samples(1.0), 1)
    assert warm.performance_ratio is None
    assert "not significant" in str(warm.withheld)


def test_a_ratio_of_few_rounds_is_withheld_however_large() -> None:
    _, warm = analyse([KIND], samples(9.0, rounds=4), 1)
    assert warm.performance_ratio is None
    assert warm.withheld == "too few rounds: 4, and 7 are needed for 2 rows"


def test_a_ratio_is_withheld_where_many_answers_were_wrong() -> None:
    _, warm = analyse([KIND], samples(9.0, faults=3), 1)
    side = warm.sides[RIGHT]
    assert side.wrong > 0
    assert side.ok + side.wrong == side.requests
    assert side.faults == {"2 files of 3": side.wrong}
    assert "failed or were answered wrongly by DCM4CHEE" in str(warm.withheld)


def test_the_round_before_does_not_count() -> None:
    slow_at_first = [replace(one, duration_s=1000.0) if one.round == 0 else one for one in samples(1.0)]
    _, warm = analyse([KIND], slow_at_first, 1)
    assert warm.sides[LEFT].requests == 36
    assert (warm.sides[LEFT].median_s or 0) < 2


def test_a_row_without_samples_is_withheld() -> None:
    rows = analyse([KIND], [], 1)
    assert {row.withheld for row in rows} == {"not asked of Orthanc"}
    assert {row.p_value for row in rows} == {None}


# Sentences


def test_a_stand_in_is_always_called_one() -> None:
    content = results(samples(1.5), right=facts(stand_in="DCM4CHEE stand-in (Orthanc 1.12.7)")).to_json()
    assert telling.names(content)["dcm4chee"] == "DCM4CHEE's stand-in"
    assert any("its times say nothing of DCM4CHEE" in text for text in telling.cautions(content))


def test_who_is_faster_is_said_the_right_way_round() -> None:
    slower, faster = (results(samples(factor)).to_json()["rows"][1] for factor in (3.0, 0.3))
    called = {"orthanc": "Orthanc", "dcm4chee": "DCM4CHEE"}
    assert telling.verdict(slower, called).startswith("Orthanc is 2.8")
    assert telling.verdict(faster, called).startswith("DCM4CHEE is 3.5")


def test_what_is_withheld_is_told_with_what_it_may_be() -> None:
    row = results(samples(1.0)).to_json()["rows"][1]
    told = telling.verdict(row, {"orthanc": "Orthanc", "dcm4chee": "DCM4CHEE"})
    assert re.search(r"No ratio, not significant: .*; it may be anything from 0\.\d\d to 1\.\d\d\.", told)


@pytest.mark.parametrize(
    ("changes", "caution"),
    [
        ({"left_behind": 2}, "2 studies of this run are still there"),
        ({"cleaning": "It does not answer.", "left_behind": None}, "It does not answer."),
        ({"changed": {"studies": -1}}, "holds something else than before (-1 studies)"),
    ],
)
def test_what_is_not_as_before_is_told_first(changes: dict[str, Any], caution: str) -> None:
    content = results(samples(1.5), right=facts(**changes)).to_json()
    assert any(caution in text for text in telling.cautions(content))


def test_a_client_that_takes_most_of_the_time_is_told() -> None:
    made = results(samples(1.5))
    near = replace(made, ceilings={(KIND.key, Condition.WARM): 0.9}).to_json()
    assert not any("client itself" in text for text in telling.cautions(made.to_json()))
    assert any("client itself" in text and "WADO-RS, warm" in text for text in telling.cautions(near))


def test_a_busy_machine_and_a_small_scale_are_told() -> None:
    made = results(samples(1.5))
    busy = replace(made, hardware=replace(made.hardware, load_before=3.0), plan=replace(made.plan, scale=0.1))
    told = " ".join(telling.cautions(busy.to_json()))
    assert "busy before the run began (load 3 on 2 cores)" in told
    assert "Scale 0.1" in told
    assert telling.cautions(made.to_json()) == []


def test_memory_and_disk_are_told_or_why_not() -> None:
    hidden = facts(
        memory=MemoryUse(reason="not measurable: it is on another machine"),
        disk_use=DiskUse(1000, None, 2000, None, "its folder cannot be seen"),
    )
    lines = telling.memory_and_disk(results(samples(1.5), right=hidden).to_json())
    assert lines == [
        "Peak memory of Orthanc: 90 MB",
        "Disk overhead of Orthanc: +10.0 % on disk, +1.0 % as it tells itself",
        "Peak memory of DCM4CHEE: not measurable: it is on another machine",
        "Disk overhead of DCM4CHEE: withheld: its folder cannot be seen",
    ]


# Pictures


def test_every_sample_is_a_dot_within_the_picture() -> None:
    values = list(np.random.default_rng(1).lognormal(3, 1, 500))
    picture = strip_chart("All", "ms", [Group("warm", [Strip("orthanc", "Orthanc", values, "20 ms", 20.0)])])
    dots = re.search(r'class="dots orthanc" d="([^"]*)"', picture)
    assert dots is not None
    places = [float(place) for place in re.findall(r"M([\d.]+) ", dots[1])]
    assert len(places) == 500
    assert all(180 <= place <= 710 for place in places)
    assert np.argsort(values).tolist() == sorted(range(500), key=lambda one: values[one])


def test_an_axis_begins_at_zero_unless_values_are_far_apart() -> None:
    def picture(values: list[float]) -> str:
        return strip_chart("", "ms", [Group("", [Strip("orthanc", "", values, "", None)])])

    assert ">0 ms<" in picture([10.0, 20.0])
    assert "logarithmic" not in picture([10.0, 20.0])
    assert "logarithmic axis" in picture([1.0, 100.0])


def test_pictures_are_well_formed_and_escape_what_they_show() -> None:
    strip = Strip("orthanc", "<b>&", [1.0, 2.0], "<i>", 1.5, 1.2, 1.8)
    nothing = Strip("dcm4chee", "x", [], "", None)
    pictures = [
        strip_chart('"<', "ms", [Group("<", [strip, nothing])]),
        history_chart(
            "&",
            "ms",
            [Line("orthanc", "<b>", [Point("2026-01-01", 1, 0.5, 2), Point("2026-01-02", 2, None, None)])],
        ),
    ]
    for picture in pictures:
        assert ET.fromstring(picture).tag == "svg"
        assert "<b>" not in picture
    assert "nothing was answered rightly" in pictures[0]


def test_names_of_lines_that_end_at_one_place_stand_below_each_other() -> None:
    points = [Point("2026-01-01", 5.0, None, None), Point("2026-01-02", 5.0, None, None)]
    picture = history_chart("", "s", [Line("orthanc", "one", points), Line("dcm4chee", "other", points)])
    places = re.findall(r'y="([\d.]+)" class="label', picture)
    assert abs(float(places[0]) - float(places[1])) >= 16


def test_without_samples_or_with_one_run_there_is_no_picture() -> None:
    assert strip_chart("", "ms", [Group("", [Strip("orthanc", "", [], "", None)])]) == ""
    assert history_chart("", "ms", [Line("orthanc", "", [Point("2026-01-01", 1.0, None, None)])]) == ""


# Files


def test_all_files_of_a_run_are_there(tmp_path: Path) -> None:
    found = samples(1.5)
    content = publish(results(found), tmp_path)
    folder = tmp_path / "0123abcd"
    assert json.loads((folder / "results.json").read_text()) == json.loads(json.dumps(content))
    rows = list(csv.DictReader(io.StringIO((folder / "samples.csv").read_text())))
    packed = json.loads(gzip.decompress((folder / "samples.json.gz").read_bytes()))
    assert len(rows) == len(packed) == len(found)
    assert float(rows[5]["duration_s"]) == packed[5]["duration_s"] == found[5].duration_s
    assert {row["outcome"] for row in rows} == {"ok"}


def test_the_report_stands_by_itself(tmp_path: Path) -> None:
    publish(results(samples(1.5)), tmp_path)
    page = (tmp_path / "0123abcd" / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert "prefers-color-scheme: dark" in page
    assert "Orthanc is 1." in page
    assert page.count("<svg") == 2
    assert "Upload by C-STORE: DCM4CHEE: its DICOM address is not known." in page
    assert "{{" not in page
    assert "None" not in page


@pytest.mark.parametrize(
    ("seconds", "told"), [(1, "1 second,"), (40, "40 seconds,"), (62, "1 minute,"), (1200, "20 minutes,")]
)
def test_how_long_a_run_took_is_told_in_words_that_agree(tmp_path: Path, seconds: int, told: str) -> None:
    run = results(samples(1.5))
    publish(replace(run, ended=run.started + timedelta(seconds=seconds)), tmp_path)
    assert f"\n{told} 12 rounds, scale 1." in (tmp_path / "0123abcd" / "report.html").read_text()


def test_the_table_of_the_command_calls_archives_as_the_report_does_and_says_what_the_ratio_is() -> None:
    out = io.StringIO()
    stand_in = facts(stand_in="DCM4CHEE stand-in (Orthanc 1.12.7)")
    content = results(samples(1.5), right=stand_in).to_json()
    _show(content, out)
    head, row, *rest = out.getvalue().splitlines()
    assert head.split() == ["median", "Orthanc", "DCM4CHEE's", "stand-in", "ratio", *head.split()[5:]]
    assert row[: head.index("ratio") + len("ratio")].endswith(
        f" {content['rows'][0]['performance_ratio']:.3g}"
    )
    assert any(line.startswith("ratio: the median of DCM4CHEE's stand-in divided by") for line in rest)


def test_the_report_escapes_what_archives_say_of_themselves(tmp_path: Path) -> None:
    publish(results(samples(1.5), right=facts(version="<script>x</script>")), tmp_path)
    page = (tmp_path / "0123abcd" / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_report_of_nothing_right_is_a_report_all_the_same(tmp_path: Path) -> None:
    wrong = [replace(one, outcome=Outcome.FAILED, detail="HTTP 500") for one in samples(1.5)]
    hidden = facts(memory=None, disk_use=None, before={}, after={})
    publish(results(wrong, right=hidden), tmp_path)
    page = (tmp_path / "0123abcd" / "report.html").read_text()
    assert "HTTP 500" in page
    assert "withheld: 12 of 12 requests failed" in page


def test_earlier_runs_are_shown_beside_the_newest(tmp_path: Path) -> None:
    for hour, name in enumerate(("00000001", "00000002", "00000003")):
        publish(results(samples(1.5, seed=hour), run_id=name, hour=hour), tmp_path)
    page = (tmp_path / "00000003" / "report.html").read_text()
    assert "From run to run" in page
    assert "3 runs" in page
    assert "From run to run" not in (tmp_path / "00000001" / "report.html").read_text()


def test_only_comparable_runs_are_shown_together(tmp_path: Path) -> None:
    newest = results(samples(1.5), run_id="0000000f", hour=20)
    others = [
        replace(results(samples(1.5), run_id="00000001"), plan=Plan("00000001", 0.1, 12, 5, ())),
        results(samples(1.5), run_id="00000002", right=facts(address="http://other.invalid")),
        results(samples(1.5), run_id="00000003", right=facts(stand_in="stand-in")),
        results(samples(1.5), run_id="00000004", hour=21),
    ]
    for other in others:
        publish(other, tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "results.json").write_text("[]")
    alike = results(samples(1.5), run_id="00000005", hour=1)
    publish(alike, tmp_path)
    runs = earlier_runs(tmp_path, newest.to_json())
    assert [run["run_id"] for run in runs] == ["00000005", "0000000f"]
