"""A change, a gap, a cut or a forgery of the chain is found, and where."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from orthanc_plugins.audit.chain import GENESIS, Broken, Fault, Head, Record, Sealer, parsed, verify
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import KEY

SEALER = Sealer(KEY)


def chain(length: int = 5, sealer: Sealer = SEALER) -> list[Record]:
    records: list[Record] = []
    for number in range(length):
        records.append(sealer.record(records[-1].head if records else Head(), {"number": number}))
    return records


def lines(records: list[Record]) -> list[bytes]:
    return [record.line() for record in records]


def rewritten(line: bytes, **changes: Any) -> bytes:
    content = json.loads(line) | changes
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_a_record_is_what_the_documentation_says() -> None:
    (record,) = chain(1)
    covered = f'{{"event":{{"number":0}},"previous":"{64 * "0"}","sequence":1}}'
    digest = hashlib.sha256(covered.encode()).hexdigest()
    seal = hmac.new(KEY, f"record\0{digest}".encode(), "sha256").hexdigest()
    assert record == Record(1, GENESIS, {"number": 0}, digest, seal)
    assert parsed(record.line()) == record


def test_a_whole_chain_is_whole() -> None:
    records = chain()
    assert verify(lines(records), SEALER, records[-1].head) is None
    assert verify([], SEALER, Head()) is None


def test_a_chain_may_be_one_record_ahead_of_its_head() -> None:
    records = chain()
    assert verify(lines(records), SEALER, records[3].head) is None
    assert verify(lines(records), SEALER, records[2].head) == Broken(4, Fault.HEAD_DIFFERS)


def test_an_altered_event_is_found() -> None:
    written = lines(chain())
    written[2] = rewritten(written[2], event={"number": 99})
    assert verify(written, SEALER, chain()[-1].head) == Broken(3, Fault.ALTERED)


def test_an_altered_event_with_its_hash_made_anew_is_found() -> None:
    records = chain()
    forged = Sealer(bytes(32)).record(records[1].head, {"number": 99})
    written = lines(records)
    written[2] = rewritten(forged.line(), seal=records[2].seal)
    assert verify(written, SEALER, records[-1].head) == Broken(3, Fault.FORGED)


def test_a_chain_written_anew_without_the_key_is_found() -> None:
    forged = chain(5, Sealer(bytes(32)))
    assert verify(lines(forged), SEALER, forged[-1].head) == Broken(1, Fault.FORGED)


def test_a_record_left_out_is_found() -> None:
    written = lines(chain())
    del written[1]
    assert verify(written, SEALER, chain()[-1].head) == Broken(2, Fault.GAP)


def test_records_changed_in_order_or_doubled_are_found() -> None:
    records = chain()
    first, second, *others = lines(records)
    assert verify([second, first, *others], SEALER, records[-1].head) == Broken(1, Fault.GAP)
    assert verify([first, first, second, *others], SEALER, records[-1].head) == Broken(2, Fault.GAP)


def test_a_record_of_another_chain_with_the_same_key_is_found() -> None:
    ours = chain()
    other_first = SEALER.record(Head(), {"other": True})
    other_second = SEALER.record(other_first.head, {"number": 1})
    written = lines(ours)
    written[1] = other_second.line()
    assert verify(written, SEALER, ours[-1].head) == Broken(2, Fault.UNLINKED)


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_chain_cut_at_its_end_is_found(left: int) -> None:
    records = chain()
    assert verify(lines(records)[:left], SEALER, records[-1].head) == Broken(left + 1, Fault.TRUNCATED)


def test_another_chain_of_the_same_length_is_found() -> None:
    ours, other = chain(), [SEALER.record(Head(), {"other": True})]
    assert verify(lines(other), SEALER, ours[0].head) == Broken(1, Fault.HEAD_DIFFERS)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b"\xff\xfe\n",
        b" " + chain(1)[0].line(),
        rewritten(chain(1)[0].line(), note="added"),
        rewritten(chain(1)[0].line(), seal=5),
        rewritten(chain(1)[0].line(), event=[]),
        chain(1)[0].line().replace(b'"number":0', b'"number":0,"number":0'),
    ],
)
def test_a_line_that_is_not_exactly_a_record_is_found(damaged: bytes) -> None:
    assert verify([damaged], SEALER, chain(1)[0].head) == Broken(1, Fault.MALFORMED)


@pytest.mark.parametrize("seal", ["", "ü", "\ud800", 64 * "0"])
def test_a_seal_of_any_text_is_only_wrong(seal: str) -> None:
    assert verify([rewritten(chain(1)[0].line(), seal=seal)], SEALER, chain(1)[0].head) == Broken(
        1, Fault.FORGED
    )


def test_a_head_is_read_as_it_was_written_and_only_then() -> None:
    head = chain()[-1].head
    written = SEALER.sealed_head(head)
    assert SEALER.opened_head(written) == head
    changed = [
        rewritten(written, sequence=4),
        rewritten(written, digest=GENESIS),
        written[:-1],
        b"{}",
        b"",
        b"[1]",
    ]
    for content in changed:
        with pytest.raises(AuditError):
            SEALER.opened_head(content)
    with pytest.raises(AuditError, match="another key"):
        Sealer(bytes(32)).opened_head(written)


def test_a_record_and_a_head_are_sealed_apart() -> None:
    record = chain(1)[0]
    assert record.seal not in SEALER.sealed_head(record.head).decode()


@pytest.mark.parametrize("length", [0, 16, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(AuditError, match="32 bytes"):
        Sealer(bytes(length))
