"""What holds for every script: it parses, says how to use it, and names no host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = sorted(
    path for path in (REPOSITORY / "scripts").iterdir() if path.is_file() and path.suffix != ".py"
)
SHELL = [*COMMANDS, *sorted((REPOSITORY / "scripts" / "lib").glob("*.sh")), REPOSITORY / ".ci" / "run"]
OWN = [
    path for path in (REPOSITORY / "scripts").rglob("*") if path.is_file() and "__pycache__" not in path.parts
]
LOCKS = [*REPOSITORY.glob("*.lock"), *(REPOSITORY / "ohif").glob("*.lock")]


def test_all_commands_are_there() -> None:
    names = {path.name for path in COMMANDS}
    assert names >= {"up", "down", "status", "logs", "pacs", "python", "doctor", "test", "check", "lock"}


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_script_parses(script: Path) -> None:
    first = script.read_text(encoding="utf-8").splitlines()[0]
    shell = "sh" if first == "#!/bin/sh" else "bash"
    subprocess.run([shell, "-n", script], check=True)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.name)
def test_command_is_executable_and_says_how_to_use_it(command: Path) -> None:
    assert command.stat().st_mode & 0o111
    assert command.read_text(encoding="utf-8").splitlines()[1].startswith(f"# Usage: scripts/{command.name}")


def run(command: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("asked", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.name)
def test_command_answers_help_with_its_first_comment(checkout: Path, command: Path, asked: str) -> None:
    answer = run(checkout / "scripts" / command.name, asked)
    assert (answer.returncode, answer.stderr) == (0, "")
    comment = [line for line in command.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert answer.stdout.splitlines()[0] == comment[1].removeprefix("# ")
    assert "shellcheck" not in answer.stdout
    assert {path.name for path in checkout.iterdir()} == {"scripts"}


@pytest.mark.parametrize("given", [["nonsense"], ["--nonsense"], ["", "x"]], ids=str)
@pytest.mark.parametrize("name", ["up", "down", "status", "doctor", "lock"])
def test_command_refuses_what_it_does_not_know(checkout: Path, name: str, given: list[str]) -> None:
    answer = run(checkout / "scripts" / name, *given)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"unknown argument: {given[0]}" in answer.stderr
    assert f"scripts/{name} --help" in answer.stderr
    assert {path.name for path in checkout.iterdir()} == {"scripts"}


def test_python_hands_its_arguments_to_the_python_of_the_suite(checkout: Path) -> None:
    runtime = checkout / "scripts" / "lib" / "build.sh"
    runtime.write_text(
        "REPO=/repo PYTHON=/suite/python\n"
        "require_root() { :; }; with_lock() { :; }; release_lock() { :; }\n"
        'ensure_runtime() { echo "made $*"; }\n'
        'enter() { shift; printf "%s\\n" "$@"; }\n',
        encoding="utf-8",
    )
    answer = run(checkout / "scripts" / "python", "-c", "print(1, 2)", "--help")
    assert answer.stdout.splitlines() == [
        "env", "PYTHONPATH=/repo:/repo/xnat", "/suite/python", "-c", "print(1, 2)", "--help",
    ]  # fmt: skip
    assert answer.stderr == "made root venv\n"


@pytest.mark.parametrize(
    ("command", "configuration"),
    [("project", "settings"), ("profile", "settings"), ("deidentify", "settings"), ("sync", "orthanc")],
)
def test_commands_that_need_no_running_suite_go_by_what_the_settings_say_now(
    checkout: Path, command: str, configuration: str
) -> None:
    data = checkout / "data"
    (data / "run").mkdir(parents=True)
    (data / "run" / "orthanc.json").touch()
    (checkout / "scripts" / "lib" / "build.sh").write_text(
        f"REPO={checkout} DATA={data} PYTHON=/suite/python\n"
        "require_root() { :; }; with_lock() { :; }; release_lock() { :; }; ensure_runtime() { :; }\n"
        f"enter() {{ shift; case $* in *--settings) touch {data}/run/settings.json ;; "
        '*) echo "$*" ;; esac; }\n',
        encoding="utf-8",
    )
    answer = run(checkout / "scripts" / "pacs", command, "list")
    assert answer.stdout == (
        f"env PYTHONPATH={checkout} PACS_SUITE_CONFIGURATION={data}/run/{configuration}.json "
        f"/suite/python -P -m orthanc_plugins {command} list\n"
    )
    assert answer.stderr == ""


def test_nothing_is_run_by_settings_that_cannot_be_read(checkout: Path) -> None:
    (checkout / "scripts" / "lib" / "build.sh").write_text(
        f"REPO={checkout} DATA={checkout}/data PYTHON=/suite/python\n"
        "require_root() { :; }; with_lock() { :; }; release_lock() { :; }; ensure_runtime() { :; }\n"
        'enter() { case $* in *--settings) return 1 ;; *) echo "$*" ;; esac; }\n',
        encoding="utf-8",
    )
    answer = run(checkout / "scripts" / "pacs", "project", "create", "trial-7")
    assert (answer.returncode, answer.stdout) == (2, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize(
    ("made", "code"),
    [("/made-beside/them", 1), ("/tmp/made-by-the-test-of-enter", 0)],
    ids=["beside", "in one"],
)
def test_nothing_can_be_made_beside_the_folders_that_are_seen(tmp_path: Path, made: str, code: int) -> None:
    root = tmp_path / "runtime" / "root"
    for folder in ("etc", "usr"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/etc/passwd", root / "etc" / "passwd")
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    enter = REPOSITORY / "scripts" / "lib" / "enter.sh"
    entered = subprocess.run(
        [
            "unshare", "--mount", "--propagation", "private", "--", "bash", "-c",
            f"mount --bind /usr {root}/usr; bash {enter} 0 venv sh -c 'mkdir -p {made} && rmdir {made}'",
        ],
        env={**os.environ, "RUNTIME": str(root.parent), "REPO": str(tmp_path), "PREFIX": "/usr/local/pacs",
             "SUITE": "trixie", "PASSED_ON": "^TERM$"},
        cwd=tmp_path, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert (entered.returncode, "Read-only file system" in entered.stderr) == (code, code == 1), (
        entered.stderr
    )


@pytest.mark.parametrize(("given", "network"), [(["run"], "1"), (["prepare"], "")])
def test_bench_measures_in_a_network_of_its_own(checkout: Path, given: list[str], network: str) -> None:
    """What enters the runtime, another process, has to know it too: it brings loopback up there."""
    (checkout / "tests" / "bench").mkdir(parents=True)
    (checkout / "tests" / "bench" / "speed.py").touch()
    (checkout / "scripts" / "lib" / "build.sh").write_text(
        f"REPO={checkout} OWNER=me\n"
        "require_root() { :; }; with_lock() { :; }; release_lock() { :; }; ensure_runtime() { :; }\n"
        'enter() { bash -c \'echo "${PRIVATE_NETWORK:-}" "$@"\' - "$@"; }\n',
        encoding="utf-8",
    )
    answer = run(checkout / "scripts" / "bench", "speed", *given)
    assert answer.stdout == (
        f"{network} me env PYTHONPATH={checkout} python3 -P -m tests.bench.speed {given[0]}\n"
    )


@pytest.mark.parametrize("name", ["check", "test"])
def test_words_that_are_no_path_do_not_reach_the_tests(checkout: Path, name: str) -> None:
    answer = run(checkout / "scripts" / name, "unti")
    assert answer.returncode == 2
    assert "unknown argument: unti" in answer.stderr


def test_logs_name_those_there_are(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUITE", raising=False)
    logs = checkout / "data" / "logs"
    logs.mkdir(parents=True)
    for name in ("nginx", "orthanc"):
        (logs / f"{name}.log").write_text(f"said by {name}\n", encoding="utf-8")
    refused = run(checkout / "scripts" / "logs", "nosuch")
    assert refused.returncode == 2
    assert "There are: nginx orthanc" in refused.stderr
    assert run(checkout / "scripts" / "logs", "nginx").stdout == "said by nginx\n"


@pytest.mark.parametrize("script", [*COMMANDS, REPOSITORY / ".ci" / "run"], ids=lambda path: path.name)
def test_script_is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("path", [*OWN, *LOCKS], ids=lambda path: path.name)
def test_no_host_is_named(path: Path) -> None:
    addresses = re.findall(r"https?://([^/:;\s\"'@{}$]+)", path.read_text(encoding="utf-8"))
    assert set(addresses) <= {"127.0.0.1", "localhost", "orthanc", "dcm4chee", "xnat"}
    assert not re.search(r"\b[\w-]+\.(?:org|com|io|net|dev)\b", path.read_text(encoding="utf-8"))


def test_ohif_is_pinned_by_version_and_integrity() -> None:
    lines = (REPOSITORY / "ohif" / "ohif.lock").read_text(encoding="utf-8").splitlines()
    assert [line.split("=")[0] for line in lines] == ["package", "version", "integrity"]
    assert re.fullmatch(r"integrity=sha512-[A-Za-z0-9+/]{86}==", lines[2])
