"""The tools that are compared, how each is started, and how the peers' environments are made."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.deid.driving import Driver
from tests.bench.deid.recipe import full_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTS = Path(__file__).with_name("peers")
_STAMP = "versions.txt"
_LOG = "prepare.log"


@dataclass(frozen=True)
class Tool:
    """A tool that runs in a driver.

    Parameters
    ----------
    package
        Names its environment and its list of exact versions; empty for the suite's own.
    driver
        The module that calls it.
    arguments
        Of that module; those in braces are folders: ``{work}``.
    """

    name: str
    package: str
    driver: str
    arguments: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The exact version that `prepare` installs; empty for the suite's own."""
        return versions(self.package)[self.package] if self.package else ""

    def is_installed(self, peers: Path) -> bool:
        """Return whether its environment was made to the end, with the versions of today's list."""
        if not self.package:
            return True
        stamp = peers / self.package / _STAMP
        return stamp.is_file() and stamp.read_bytes() == _list(self.package).read_bytes()

    def driver_in(self, peers: Path, work: Path) -> Driver:
        """Return its driver, not started yet, with a folder for what it keeps."""
        work.mkdir(parents=True, exist_ok=True)
        if self.arguments == ("{recipe}",):
            (work / "deid.recipe").write_text(full_recipe(), encoding="ascii")
        python = peers / self.package / "bin" / "python" if self.package else Path(sys.executable)
        filled = [part.format(work=work, recipe=work / "deid.recipe") for part in self.arguments]
        command = [f"{python}", "-P", "-m", f"tests.bench.deid.drivers.{self.driver}", *filled]
        return Driver(command, work / "driver.log")


PEERS = (
    Tool("dicom-anonymizer", "dicom-anonymizer", "run_dicom_anonymizer"),
    Tool("dicognito", "dicognito", "run_dicognito"),
    Tool("deid, recipe of E.1-1", "deid", "run_deid", ("{recipe}",)),
    Tool("deid, its own recipe", "deid", "run_deid"),
    Tool("idiscore", "idiscore", "run_idiscore"),
    Tool("dcmanon", "dcmanon", "run_dcmanon"),
)
PACKAGES = tuple(dict.fromkeys(tool.package for tool in PEERS))


def ours(how: str, profile: str) -> Tool:
    """Return the suite's own, working in one of the ways of its driver by a profile."""
    return Tool(f"ours, {profile}", "", "run_ours", (how, profile, "{work}/custody"))


def _list(package: str) -> Path:
    return _LISTS / f"{package}.txt"


def versions(package: str) -> dict[str, str]:
    """Return the exact version of every package of an environment."""
    found = re.findall(r"^([\w.-]+)==([\w.]+)", _list(package).read_text(encoding="ascii"), re.MULTILINE)
    return dict(found)


def prepare(peers: Path) -> Iterator[tuple[str, str]]:
    """Make the environments that are missing or not of today's lists; yield each name and its outcome."""
    peers.mkdir(parents=True, exist_ok=True)
    for tool in {tool.package: tool for tool in PEERS}.values():
        is_there = tool.is_installed(peers)
        yield tool.package, "is there" if is_there else _install(tool.package, peers / tool.package)


def _install(package: str, folder: Path) -> str:
    """Make one environment and return what came of it."""
    steps = (
        [sys.executable, "-m", "venv", "--clear", f"{folder}"],
        [f"{folder}/bin/pip", "install", "--no-deps", "--require-hashes", "-r", f"{_list(package)}"],
    )
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            (folder.parent / f"{package}.{_LOG}").write_text(done.stdout + done.stderr, encoding="utf-8")
            return f"FAILED, see {package}.{_LOG}"
    (folder / _STAMP).write_bytes(_list(package).read_bytes())
    return "installed"
