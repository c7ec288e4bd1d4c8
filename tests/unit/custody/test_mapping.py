"""The way back is sealed, watched, and gone when its key is gone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orthanc_plugins.custody.identities import Identity, Known, Seal
from orthanc_plugins.custody.keys import KeyPurpose, ProjectKey, create_key, load_key
from orthanc_plugins.custody.mapping import IdentityTable, LookUp, Reason, forget
from orthanc_plugins.errors import AuditError, CustodyError, KeyUnusable
from tests.unit.custody.processes import at_once

if TYPE_CHECKING:
    from pathlib import Path

JANE = Identity("MRN-4711", "HOSPITAL", "Doe^Jane", "19700203")
JANE_AFTER_MARRIAGE = Identity("MRN-4711", "HOSPITAL", "Roe^Jane", "19700203")
PSEUDONYM = "DEID-RICSNLPLJNNHEA6G"
VALUES = ("4711", "HOSPITAL", "Jane", "19700203", "1.2.3.4")


@pytest.fixture
def key(tmp_path: Path) -> ProjectKey:
    return create_key(tmp_path / "keys", "trial", KeyPurpose.MAPPING)


@pytest.fixture
def table(tmp_path: Path, key: ProjectKey) -> IdentityTable:
    table = IdentityTable.create(tmp_path / "tables", key)
    table.remember(PSEUDONYM, JANE, {"1.2.3.4": "2.25.7"})
    return table


@pytest.fixture
def trail() -> list[LookUp]:
    return []


def _asked(table: IdentityTable, trail: list[LookUp], pseudonym: str = PSEUDONYM) -> Known:
    return table.look_up(
        pseudonym, role="custodian", actor="j.doe@site", reason=Reason.PATIENT_SAFETY, audit=trail.append
    )


def _remember(folder: Path, key_folder: Path, number: int) -> None:
    table = IdentityTable(folder, load_key(key_folder, "trial", KeyPurpose.MAPPING))
    for step in range(5):
        table.remember("ANON00001", JANE, {f"1.{number}.{step}": f"2.25.{number}{step}"})


def test_what_was_remembered_is_known(table: IdentityTable, trail: list[LookUp]) -> None:
    assert _asked(table, trail) == Known(PSEUDONYM, (JANE,), {"1.2.3.4": "2.25.7"})
    assert trail == [LookUp("trial", PSEUDONYM, "j.doe@site", "custodian", "patient_safety", granted=True)]


def test_every_spelling_and_all_uids_are_kept(table: IdentityTable, trail: list[LookUp]) -> None:
    table.remember(PSEUDONYM, JANE_AFTER_MARRIAGE, {"1.2.3.5": "2.25.8", "1.2.3.4": "2.25.7"})
    table.remember(PSEUDONYM, JANE)
    known = _asked(table, trail)
    assert known.identities == (JANE, JANE_AFTER_MARRIAGE)
    assert known.uids == {"1.2.3.4": "2.25.7", "1.2.3.5": "2.25.8"}


def test_a_second_new_uid_for_one_original_is_refused(table: IdentityTable, trail: list[LookUp]) -> None:
    with pytest.raises(CustodyError, match="another new UID") as refused:
        table.remember(PSEUDONYM, JANE, {"1.2.3.4": "2.25.9"})
    assert "1.2.3.4" not in str(refused.value)
    assert _asked(table, trail).uids == {"1.2.3.4": "2.25.7"}


def test_the_look_up_is_written_down_before_it_is_answered(table: IdentityTable) -> None:
    def broken(_: LookUp) -> None:
        raise AuditError("the disk is full")

    with pytest.raises(AuditError):
        table.look_up(PSEUDONYM, role="custodian", actor="j.doe", reason="follow_up", audit=broken)


@pytest.mark.parametrize(
    ("changed", "left_out"),
    [
        ({"role": "researcher"}, "role"),
        ({"role": ""}, "role"),
        ({"actor": ""}, "actor"),
        ({"actor": "Jane Doe, born 1970"}, "actor"),
        ({"reason": ""}, "reason"),
        ({"reason": "Jane asked me"}, "reason"),
    ],
)
def test_without_role_person_or_reason_nothing_is_told_but_the_attempt(
    table: IdentityTable, trail: list[LookUp], changed: dict[str, str], left_out: str
) -> None:
    asked = {"role": "custodian", "actor": "j.doe", "reason": "follow_up"} | changed
    with pytest.raises(CustodyError, match="needs"):
        table.look_up(PSEUDONYM, **asked, audit=trail.append)
    (attempt,) = trail
    assert not attempt.granted
    assert getattr(attempt, left_out) == ""
    assert "Jane" not in repr(attempt)


def test_a_name_asked_for_as_a_pseudonym_is_refused_and_not_written_down(
    table: IdentityTable, trail: list[LookUp]
) -> None:
    with pytest.raises(CustodyError) as refused:
        _asked(table, trail, "Doe^Jane")
    assert "Jane" not in str(refused.value) + repr(trail)
    assert not trail[0].granted
    with pytest.raises(CustodyError, match="this is none"):
        table.remember("Doe^Jane", JANE)


def test_a_project_names_its_own_roles(tmp_path: Path, key: ProjectKey, table: IdentityTable) -> None:
    asked = {"actor": "j.doe", "reason": "follow_up"}
    strict = IdentityTable(tmp_path / "tables", key, frozenset({"trustee"}))
    assert strict.look_up(PSEUDONYM, role="trustee", **asked, audit=print).identities == (JANE,)
    with pytest.raises(CustodyError):
        strict.look_up(PSEUDONYM, role="custodian", **asked, audit=print)


def test_nothing_is_kept_of_others(table: IdentityTable, trail: list[LookUp]) -> None:
    with pytest.raises(CustodyError, match="Nothing is kept of ANON00001"):
        _asked(table, trail, "ANON00001")
    assert trail[0].granted
    assert table.pseudonyms() == (PSEUDONYM,)


def test_no_value_stands_in_any_file(tmp_path: Path, table: IdentityTable) -> None:
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    content = b"".join(path.read_bytes() for path in files)
    assert not [value for value in VALUES if value.encode() in content]


def test_no_value_stands_in_reprs(table: IdentityTable, trail: list[LookUp]) -> None:
    shown = repr(_asked(table, trail)) + repr(JANE) + repr(table)
    assert not [value for value in VALUES if value in shown]


def test_equal_records_are_never_sealed_alike(tmp_path: Path, table: IdentityTable) -> None:
    path = tmp_path / "tables" / "trial.identities.sqlite"
    seen = set()
    for _ in range(3):
        table.remember(PSEUDONYM, JANE)
        with closing(sqlite3.connect(path)) as opened:
            seen.add(opened.execute("SELECT sealed FROM known").fetchone()[0])
    assert len({sealed[:12] for sealed in seen}) == 3


def _change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE known SET sealed = substr(sealed, 1, length(sealed) - 1)",
        "UPDATE known SET sealed = zeroblob(length(sealed))",
        "UPDATE known SET sealed = x''",
    ],
)
def test_a_changed_record_does_not_open(
    tmp_path: Path, table: IdentityTable, trail: list[LookUp], change: str
) -> None:
    _change(tmp_path / "tables" / "trial.identities.sqlite", change)
    with pytest.raises(CustodyError, match="was changed"):
        _asked(table, trail)


def test_a_record_moved_to_another_pseudonym_does_not_open(
    tmp_path: Path, table: IdentityTable, trail: list[LookUp]
) -> None:
    _change(tmp_path / "tables" / "trial.identities.sqlite", "UPDATE known SET pseudonym = 'ANON00001'")
    with pytest.raises(CustodyError, match="was changed"):
        _asked(table, trail, "ANON00001")


def test_a_record_moved_to_another_project_does_not_open(
    tmp_path: Path, key: ProjectKey, table: IdentityTable, trail: list[LookUp]
) -> None:
    """Even when both projects, against all advice, have one secret."""
    shutil.copy2(
        tmp_path / "tables" / "trial.identities.sqlite", tmp_path / "tables" / "other.identities.sqlite"
    )
    _change(tmp_path / "tables" / "other.identities.sqlite", "UPDATE origin SET project = 'other'")
    other = IdentityTable(tmp_path / "tables", ProjectKey("other", KeyPurpose.MAPPING, key.secret))
    with pytest.raises(CustodyError, match="was changed"):
        _asked(other, trail)


def test_a_table_has_a_key_of_its_own(tmp_path: Path, table: IdentityTable) -> None:
    with pytest.raises(KeyUnusable, match="key of its own"):
        IdentityTable(tmp_path / "tables", create_key(tmp_path / "keys", "trial"))
    with pytest.raises(CustodyError, match="another project or key"):
        IdentityTable(tmp_path / "tables", ProjectKey("trial", KeyPurpose.MAPPING, os.urandom(32)))


def test_what_is_forgotten_is_gone_even_with_a_copy_of_the_table(
    tmp_path: Path, table: IdentityTable, trail: list[LookUp]
) -> None:
    tables, keys = tmp_path / "tables", tmp_path / "keys"
    shutil.copytree(tables, tmp_path / "backup")
    forget(tables, keys, "trial")
    assert list(tables.iterdir()) == []
    assert [path.name for path in keys.iterdir()] == ["trial.mapping.destroyed"]
    with pytest.raises(CustodyError, match="missing"):
        _asked(table, trail)
    for use in (load_key, create_key):
        with pytest.raises(KeyUnusable, match="not reversible any more"):
            use(keys, "trial", KeyPurpose.MAPPING)
    with pytest.raises(CustodyError, match="another project or key"):
        IdentityTable(tmp_path / "backup", create_key(tmp_path / "new", "trial", KeyPurpose.MAPPING))
    forget(tables, keys, "trial")


def test_the_key_of_a_backup_cannot_be_pretended(
    tmp_path: Path, table: IdentityTable, trail: list[LookUp]
) -> None:
    forged = ProjectKey("trial", KeyPurpose.MAPPING, os.urandom(32))
    _change(tmp_path / "tables" / "trial.identities.sqlite", f"UPDATE origin SET key_id = '{forged.key_id}'")
    with pytest.raises(CustodyError, match="was changed"):
        _asked(IdentityTable(tmp_path / "tables", forged), trail)


def test_processes_that_remember_at_once_lose_nothing(
    tmp_path: Path, table: IdentityTable, trail: list[LookUp]
) -> None:
    at_once(_remember, [(tmp_path / "tables", tmp_path / "keys", number) for number in range(3)])
    assert len(_asked(table, trail, "ANON00001").uids) == 15


def test_a_seal_is_96_random_bits_and_what_is_known_bound_to_the_pseudonym(key: ProjectKey) -> None:
    seal, known = Seal(key), Known(PSEUDONYM, (JANE,), {"1.2.3.4": "2.25.7"})
    first, second = seal.closed(known), seal.closed(known)
    assert first[:12] != second[:12]
    bound_to = f"identities 1\0trial\0{key.key_id}\0{PSEUDONYM}".encode()
    content = json.loads(AESGCM(key.secret).decrypt(first[:12], first[12:], bound_to))
    assert content["uids"] == known.uids
    assert seal.opened(PSEUDONYM, second) == known
