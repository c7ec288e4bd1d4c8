"""What ``scripts/up`` settles before it builds anything: the settings, and whose the data is."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("FRONT_PROT=9001", "FRONT_PROT names no setting"),
        ("FRONT_PORT=http", "FRONT_PORT is http"),
        ("FRONT_PORT=8042", "are the same"),
        ("WORKERS=many", "embedded or external"),
        ("nonsense", "line 1"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_done(checkout: Path, line: str, said: str) -> None:
    (checkout / ".env").write_text(line + "\n", encoding="utf-8")
    answer = subprocess.run(
        [checkout / "scripts" / "up"], capture_output=True, check=False, text=True, timeout=60
    )
    assert answer.returncode == 1
    assert said in answer.stderr
    assert answer.stdout == ""
    assert {path.name for path in checkout.iterdir()} == {"scripts", ".env"}


@pytest.mark.parametrize(
    "module", ["render", "deployment", "environment", "dcm4chee", "xnat", "secret_files"]
)
def test_a_setting_is_checked_by_any_python_a_machine_may_have(module: str) -> None:
    source = (REPOSITORY / "scripts" / "lib" / f"{module}.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 10))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in names if name.startswith(("orthanc_plugins", "pydantic"))]


@pytest.mark.parametrize(
    ("data", "checkout_of", "asked_by", "readable", "expected"),
    [
        (None, 1000, None, True, 1000),
        (None, 1000, 1000, True, 1000),
        (None, 1000, 2000, True, 1000),
        (None, 0, None, True, 0),
        (None, 0, 1000, True, 1000),
        (None, 0, 1000, False, 0),
        (2000, 1000, 1000, True, 2000),
        (0, 0, 1000, True, 0),
    ],
    ids=[
        "by root in a user's clone",
        "by its owner through sudo",
        "by another through sudo",
        "by root in root's clone",
        "through sudo in root's clone",
        "through sudo in a clone only root can read",
        "who has the data keeps it",
        "root's data stay root's",
    ],
)
def test_the_data_are_theirs_who_can_be_expected_to_want_them(
    checkout: Path, data: int | None, checkout_of: int, asked_by: int | None, readable: bool, expected: int
) -> None:
    of_data = "return 1" if data is None else f"echo {data}"
    asked = "" if asked_by is None else f"SUDO_UID={asked_by} SUDO_GID={asked_by}"
    script = f"""
        . "{checkout}/scripts/lib/runtime.sh"
        unset SUDO_UID SUDO_GID
        {asked}
        OWNER={checkout_of}
        stat() {{ {of_data}; }}
        setpriv() {{ {"true" if readable else "false"}; }}
        suite_user
    """
    answer = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True, text=True)
    assert answer.stdout.split() == [str(expected)]


@pytest.fixture
def listening() -> Iterator[int]:
    """A port at which these tests listen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def stranger_at(checkout: Path, port: int, supervisor: str) -> str:
    script = f"""
        . "{checkout}/scripts/lib/runtime.sh"
        . "{checkout}/scripts/lib/ports.sh"
        supervisor_pid() {{ {supervisor}; }}
        stranger_at {port}
    """
    answer = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True, text=True)
    return answer.stdout.strip()


def test_a_taken_port_is_told_with_who_has_it(checkout: Path, listening: int) -> None:
    said = stranger_at(checkout, listening, "return 1")
    assert said.startswith("another program")
    assert said.endswith(f"process {os.getpid()}")


def test_a_port_of_the_running_suite_is_no_strangers(checkout: Path, listening: int) -> None:
    assert stranger_at(checkout, listening, f"echo {os.getpid()}") == ""


def test_a_free_port_is_nobodys(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert stranger_at(checkout, port, "return 1") == ""


STUBS = """
    REPO={checkout} DATA={checkout}/data LIB={checkout}/scripts/lib PYTHON=python
    for name in take_arguments check_settings require_root with_lock release_lock say ensure_runtime \\
        stop_if_running setting user_name is_current; do eval "$name() {{ :; }}"; done
    supervisor_pid() {{ return 1; }}
    suite_user() {{ id -u; }}
    step() {{ shift; "$@"; }}
    enter() {{ shift; printf '%s\\n' "$*"; case $* in *"{failing}") return 1 ;; esac; }}
"""


def started(checkout: Path, failing: str) -> tuple[int, list[str]]:
    """Return how ``scripts/up`` ended, and what it ran, where one of the commands fails."""
    stubs = STUBS.format(checkout=checkout, failing=failing)
    (checkout / "scripts" / "lib" / "build.sh").write_text(f"set -eu\n{stubs}", encoding="utf-8")
    (checkout / "scripts" / "down").write_text("#!/bin/sh\necho down\n", encoding="utf-8")
    answer = subprocess.run(
        [checkout / "scripts" / "up", "--no-sample"], capture_output=True, check=False, text=True, timeout=60
    )
    assert answer.stderr == ""
    return answer.returncode, [line.split("scripts.lib.")[-1] for line in answer.stdout.splitlines()]


def test_the_projects_key_is_made_before_xnat_starts_and_its_site_after(checkout: Path) -> None:
    code, lines = started(checkout, "nothing")
    assert code == 0
    assert lines == [
        "doctor --settings",
        "render",
        "xnat_start keys",
        f"supervisord -c {checkout}/data/run/supervisord.conf",
        "health --wait 120",
        "xnat_start site",
        "health --wait 10 --addresses",
    ]


def test_nothing_starts_without_the_projects_key(checkout: Path) -> None:
    code, lines = started(checkout, "xnat_start keys")
    assert code != 0
    assert lines[-1] == "xnat_start keys"


@pytest.mark.parametrize("failing", ["health --wait 120", "xnat_start site"])
def test_what_has_not_started_well_is_stopped(checkout: Path, failing: str) -> None:
    code, lines = started(checkout, failing)
    assert code != 0
    assert lines[-2:] == [failing, "down"]
