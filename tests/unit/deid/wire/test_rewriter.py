"""A copy with pieces exchanged."""

from __future__ import annotations

from orthanc_plugins.deid.wire import EXPLICIT_LITTLE, Encoding, Rewriter

DATA = b"0123456789"


def test_what_lies_between_exchanges_is_taken_over_without_a_copy() -> None:
    copy = Rewriter(DATA, 1)
    copy.exchange(3, 4, b"three")
    copy.exchange(4, 6, b"")
    copy.insert(8, b"+")
    pieces = copy.finished(10)
    assert b"".join(pieces) == b"12three67+89"
    assert copy.growth == 4 - 2 + 1
    kept = [piece for piece in pieces if isinstance(piece, memoryview)]
    assert [bytes(piece) for piece in kept] == [b"12", b"67", b"89"]
    assert all(piece.obj is DATA for piece in kept)


def test_a_length_is_written_when_it_is_known() -> None:
    for encoding, written in ((EXPLICIT_LITTLE, b"\7\0\0\0"), (Encoding(little=False), b"\0\0\0\7")):
        copy = Rewriter(DATA, 0)
        slot = copy.reserve(2)
        copy.exchange(6, 8, b"......")
        copy.settle(slot, 7, encoding)
        assert b"".join(copy.finished(10)) == b"01" + written + b"......89"
        assert copy.growth == 4


def test_without_an_exchange_all_is_one_run() -> None:
    assert Rewriter(DATA, 0).finished(10) == [memoryview(DATA)]
