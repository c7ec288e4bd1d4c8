"""Two persons under one identifier are for a person to tell apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.release import Project, State, release, sorted_studies
from tests.unit.release.studies import ANNE, SECRETS, objects, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Identity

OTHER = replace(ANNE, patient_name="Vogelsang^Otto", birth_date="19401130", sex="M")


def released(folder: Path, project: Project, out: Path, *, settled: bool = False) -> list[tuple[str, str]]:
    outcomes = []
    for study in sorted_studies([folder]).studies:
        if settled:
            project.settle(study)
        outcome = release(study, project, out)
        outcomes.append((str(outcome.state), outcome.reason))
    return outcomes


@pytest.mark.parametrize(
    ("other", "traits"),
    [
        (replace(ANNE, patient_name="Vogelsang^Otto"), ("name",)),
        (replace(ANNE, birth_date="19401130"), ("birth_date",)),
        (replace(ANNE, sex="M"), ("sex",)),
        (OTHER, ("name", "birth_date", "sex")),
    ],
)
def test_a_second_person_of_one_identifier_is_held(
    tmp_path: Path, project: Project, other: Identity, traits: tuple[str, ...]
) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2, identity=other))
    assert released(tmp_path / "one", project, tmp_path / "out") == [("released", "")]
    before = sorted(tmp_path.joinpath("out").rglob("*"))
    ((state, reason),) = released(tmp_path / "two", project, tmp_path / "out")
    assert state == "held"
    assert all(trait in reason for trait in traits)
    assert "--one-person" in reason
    assert not [secret for secret in (*SECRETS, "Otto", "19401130") if secret in reason]
    assert sorted(tmp_path.joinpath("out").rglob("*")) == before


def test_two_persons_in_one_study_are_held(tmp_path: Path, project: Project) -> None:
    made = objects()
    made[0].PatientName = "Vogelsang^Otto"
    write(tmp_path / "one", made)
    ((state, _),) = released(tmp_path / "one", project, tmp_path / "out")
    assert state == "held"
    assert list((tmp_path / "out").iterdir()) == []


def test_who_has_looked_settles_it_for_good(tmp_path: Path, project: Project) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2, identity=OTHER))
    released(tmp_path / "one", project, tmp_path / "out")
    assert released(tmp_path / "two", project, tmp_path / "out", settled=True) == [("released", "")]
    assert released(tmp_path / "two", project, tmp_path / "again") == [("released", "")]


def test_a_name_written_otherwise_is_no_second_person(tmp_path: Path, project: Project) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2, identity=replace(ANNE, patient_name="ZOLTANYI^ANNEGRET")))
    assert released(tmp_path / "one", project, tmp_path / "out") == [("released", "")]
    assert released(tmp_path / "two", project, tmp_path / "out") == [("released", "")]


def test_state_is_told_in_words() -> None:
    assert [str(state) for state in State] == ["released", "held", "refused"]
