"""What Orthanc quotes of an invalid value does not reach the log that is kept."""

from __future__ import annotations

import subprocess

from scripts.lib.render import REPOSITORY

WARNING = b"W1130 11:20:00.123456 HTTP-3 FromDcmtkBridge.cpp:99] Ignoring DICOM tag (0010,1030) "
QUOTING = WARNING + b"with invalid content for VR DS"
NEXT = b"I1130 11:20:01.123456 MAIN main.cpp:1] Orthanc has started\n"


def kept(logged: bytes) -> bytes:
    """Return what is kept of what Orthanc logs."""
    command = ["sed", "-u", "-E", "-f", str(REPOSITORY / "scripts" / "lib" / "log_values.sed")]
    return subprocess.run(command, input=logged, capture_output=True, check=True, env={"LC_ALL": "C"}).stdout


def test_an_invalid_value_is_not_kept() -> None:
    assert kept(QUOTING + b": 71,5 kg\n" + NEXT) == QUOTING + b": (value not logged)\n" + NEXT


def test_an_invalid_value_of_any_bytes_is_not_kept() -> None:
    assert kept(QUOTING + b": M\xfcller\xff\n") == QUOTING + b": (value not logged)\n"


def test_an_invalid_value_of_several_lines_is_not_kept() -> None:
    logged = QUOTING + b": 71\nDoe^Jane\n\nmore\n" + NEXT
    assert kept(logged) == QUOTING + b": (value not logged)\n" + NEXT


def test_all_else_is_kept() -> None:
    logged = NEXT + b"Traceback (most recent call last):\n  File\n" + WARNING + b"odd\n" + b"last\n" + NEXT
    assert kept(logged) == logged


def test_each_program_that_is_orthanc_logs_through_it() -> None:
    folder = REPOSITORY / "scripts" / "lib"
    assert "log_values.sed" in (folder / "orthanc.sh").read_text(encoding="utf-8")
    configured = [path.read_text(encoding="utf-8") for path in folder.glob("*.conf.in")]
    assert sum("scripts/lib/orthanc.sh" in text for text in configured) == 2
    assert not any("/usr/sbin/Orthanc" in text for text in configured)
