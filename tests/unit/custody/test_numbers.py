"""A patient has one number for ever, and two persons under one identifier are noticed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.custody.forms import KEYED, NumberForm, PatientForm
from orthanc_plugins.custody.numbers import Conflict, NumberRegister, erase_register, is_register_there
from orthanc_plugins.errors import CustodyError
from tests.unit.custody.processes import at_once

if TYPE_CHECKING:
    from pathlib import Path

KEY_ID = "0123456789abcdef"
NUMBERED = PatientForm.of_kind("numbered")


def digest(number: int) -> bytes:
    return number.to_bytes(32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "custody"


@pytest.fixture
def register(folder: Path) -> NumberRegister:
    return NumberRegister.create(folder, "trial", KEY_ID)


def _numbers(folder: Path) -> list[int]:
    register = NumberRegister(folder, "trial", KEY_ID)
    return [register.number_of(digest(patient)) for patient in range(20)]


def test_patients_are_numbered_as_they_come_and_keep_their_number(
    folder: Path, register: NumberRegister
) -> None:
    assert [register.number_of(digest(patient)) for patient in (7, 3, 7, 9, 3)] == [1, 2, 1, 3, 2]
    assert NumberRegister(folder, "trial", KEY_ID).number_of(digest(9)) == 3


def test_processes_that_ask_at_once_agree(folder: Path, register: NumberRegister) -> None:
    answers = at_once(_numbers, [(folder,)] * 3)
    assert answers[0] == answers[1] == answers[2]
    assert sorted(answers[0]) == list(range(1, 21))


@pytest.mark.parametrize(
    ("form", "number", "written"),
    [
        (NumberForm(), 742, "ANON00742"),
        (NumberForm(), 123456, "ANON123456"),
        (NumberForm("RT", 3), 1, "RT001"),
    ],
)
def test_a_number_is_written_as_asked(form: NumberForm, number: int, written: str) -> None:
    assert form.written(number) == written


@pytest.mark.parametrize(
    ("prefix", "digits"), [("", 5), ("anon", 5), ("A1", 5), ("A" * 17, 5), ("A", 2), ("A", 13)]
)
def test_another_form_is_refused(prefix: str, digits: int) -> None:
    with pytest.raises(CustodyError, match="16 capitals"):
        NumberForm(prefix, digits)


def _as_of_old(folder: Path) -> NumberRegister:
    """Return a register as it was made before how patients are called was fixed in it."""
    with closing(sqlite3.connect(folder / "trial.numbers.sqlite", isolation_level=None)) as table:
        table.execute("DROP TABLE form")
    return NumberRegister(folder, "trial", KEY_ID)


def test_how_patients_are_called_is_fixed_when_the_register_is_made(folder: Path) -> None:
    form = PatientForm(NumberForm("RT", 3))
    assert NumberRegister.create(folder, "trial", KEY_ID, form).form == form
    assert NumberRegister.create(folder, "trial", KEY_ID, KEYED).form == form
    assert NumberRegister(folder, "trial", KEY_ID).fix_form(NUMBERED) == form
    assert NumberRegister.create(folder, "other", KEY_ID).form == KEYED


def test_whoever_asks_for_another_form_is_refused(register: NumberRegister) -> None:
    assert register.agreed_form("keyed", "numbered") == KEYED
    assert register.agreed_form(None, "numbered") == KEYED
    with pytest.raises(CustodyError, match="of project trial are keyed, and numbered is asked for"):
        register.agreed_form("numbered", None)


def test_a_register_of_old_is_fixed_once_by_what_is_said(folder: Path, register: NumberRegister) -> None:
    old = _as_of_old(folder)
    with pytest.raises(CustodyError, match="pacs project create trial --keyed"):
        _ = old.form
    with pytest.raises(CustodyError, match="never said"):
        old.agreed_form(None, None)
    assert old.agreed_form(None, "numbered") == NUMBERED
    assert old.agreed_form(None, "keyed") == NUMBERED
    assert NumberRegister(folder, "trial", KEY_ID).form == NUMBERED


def test_an_erased_register_is_gone(folder: Path, register: NumberRegister) -> None:
    assert is_register_there(folder, "trial")
    erase_register(folder, "trial")
    erase_register(folder, "trial")
    assert not is_register_there(folder, "trial")
    assert list(folder.iterdir()) == []


def test_traits_once_seen_are_no_conflict_when_seen_again(register: NumberRegister) -> None:
    traits = {"birth_date": digest(11), "name": digest(12)}
    assert register.conflict(digest(1), traits) is None
    assert register.conflict(digest(1), traits) is None
    assert register.conflict(digest(1), {}) is None
    assert register.conflict(digest(2), {"birth_date": digest(99)}) is None, "another patient"


def test_two_persons_under_one_identifier_are_a_conflict(register: NumberRegister) -> None:
    register.number_of(digest(5))
    register.conflict(digest(1), {"birth_date": digest(11), "name": digest(12)})
    conflict = register.conflict(digest(1), {"sex": digest(13), "name": digest(22), "birth_date": digest(21)})
    assert conflict == Conflict(number=2, traits=("birth_date", "name"))
    assert register.conflict(digest(1), {"birth_date": digest(21)}) == Conflict(2, ("birth_date",)), "still"
    assert register.conflict(digest(1), {"sex": digest(14)}) == Conflict(2, ("sex",)), "it was remembered"


def test_a_conflict_that_a_person_settled_is_none(register: NumberRegister) -> None:
    register.conflict(digest(1), {"name": digest(12)})
    register.settle(digest(1), {"name": digest(22)})
    assert register.conflict(digest(1), {"name": digest(22)}) is None
    assert register.conflict(digest(1), {"name": digest(12)}) is None
    assert register.conflict(digest(1), {"name": digest(32)}) == Conflict(1, ("name",))


def test_the_register_takes_digests_alone(register: NumberRegister) -> None:
    for refused in (b"MRN-4711", b"", bytes(31)):
        with pytest.raises(CustodyError, match="32 bytes") as error:
            register.number_of(refused)
        assert "4711" not in str(error.value)
        with pytest.raises(CustodyError, match="32 bytes"):
            register.conflict(digest(1), {"name": refused})


def test_a_missing_register_is_not_made_by_asking(folder: Path, register: NumberRegister) -> None:
    (folder / "trial.numbers.sqlite").unlink()
    with pytest.raises(CustodyError, match="missing"):
        register.number_of(digest(1))
    with pytest.raises(CustodyError, match="missing"):
        NumberRegister(folder, "trial", KEY_ID)
    assert list(folder.iterdir()) == []


def test_a_register_of_another_key_or_project_is_refused(folder: Path, register: NumberRegister) -> None:
    for opened in (NumberRegister, NumberRegister.create):
        with pytest.raises(CustodyError, match="another project or key"):
            opened(folder, "trial", "fedcba9876543210")
    (folder / "trial.numbers.sqlite").rename(folder / "other.numbers.sqlite")
    with pytest.raises(CustodyError, match="another project or key"):
        NumberRegister(folder, "other", KEY_ID)


def test_a_register_open_to_others_or_linked_is_refused(folder: Path, register: NumberRegister) -> None:
    path = folder / "trial.numbers.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(CustodyError, match="set its mode to 600"):
        register.number_of(digest(1))
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")
    with pytest.raises(CustodyError, match="no plain file"):
        register.number_of(digest(1))


def test_a_damaged_register_is_told(folder: Path, register: NumberRegister) -> None:
    (folder / "trial.numbers.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(CustodyError, match="cannot be used"):
        register.number_of(digest(1))


def test_creating_again_keeps_the_numbers(folder: Path, register: NumberRegister) -> None:
    register.number_of(digest(1))
    assert NumberRegister.create(folder, "trial", KEY_ID).number_of(digest(2)) == 2


def test_a_change_that_fails_midway_leaves_nothing(folder: Path, register: NumberRegister) -> None:
    with closing(sqlite3.connect(folder / "trial.numbers.sqlite", isolation_level=None)) as table:
        table.execute(
            "CREATE TRIGGER full BEFORE INSERT ON trait WHEN new.trait = 'sex'"
            " BEGIN SELECT raise(ABORT, 'disk is full'); END"
        )
        with pytest.raises(CustodyError, match="disk is full"):
            register.conflict(digest(1), {"name": digest(2), "sex": digest(3)})
        for name in ("patient", "trait"):
            assert table.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_a_name_that_is_none_of_a_project_is_refused(folder: Path) -> None:
    with pytest.raises(CustodyError, match="A project's name"):
        NumberRegister(folder, "../trial", KEY_ID)
