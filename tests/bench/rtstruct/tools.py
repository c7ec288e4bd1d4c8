"""The programs that are compared, how each is called, and how their environments are made."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.rtstruct.running import REPOSITORY, Run, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "peers"
_DRIVERS = _HERE / "drivers"
_LOG = "prepare.log"
PLOTS = "plots"
OURS = "ours"


@dataclass(frozen=True)
class Tool:
    """A program that makes masks of a structure set.

    ``package`` names its environment and its list of exact versions; ``driver`` is the script that calls it,
    None where it has a program of its own. ``masks`` is False for one that tells volumes only, ``has_header``
    for one that gives arrays and no geometry.
    """

    name: str
    package: str
    driver: str | None = None
    options: tuple[str, ...] = ()
    masks: bool = True
    has_header: bool = True

    @property
    def version(self) -> str:
        """The exact version that `prepare` installs."""
        return requirements(self.package)[self.package.lower()]

    @property
    def slug(self) -> str:
        """Its name as a folder's."""
        return plain_name(self.name)

    def command(self, peers: Path, structure_set: Path, images: Path, output: Path) -> list[str]:
        """Return the command that writes the masks below the output."""
        if self.name == OURS:
            command = [sys.executable, "-P", "-m", "orthanc_plugins", "rtstruct"]
            return [*command, f"{structure_set}", f"{images}", f"{output}", "--formats", "nifti"]
        if self.driver is not None:
            python = peers / self.package / "bin" / "python"
            return [f"{python}", f"{_DRIVERS / self.driver}", f"{structure_set}", f"{images}", f"{output}"]
        given = ("--input", f"{structure_set}", "--referenced-ct", f"{images}")
        wanted = ("--output-prefix", f"{output}", "--prefix-format", "nii.gz")
        return [f"{_plastimatch(peers)}", "convert", *given, *wanted, *self.options]

    def environment(self, peers: Path) -> dict[str, str]:
        """Return the variables it needs beside those of this process."""
        if self.name == OURS:
            return {"PYTHONPATH": f"{REPOSITORY}"}
        if self.driver is None:
            return {"LD_LIBRARY_PATH": f"{_openmp(peers)}"}
        return {"PYTHONPATH": ""}

    def is_installed(self, peers: Path) -> bool:
        """Return whether its environment was made to the end, with the versions of today's list."""
        if self.name == OURS:
            return True
        stamp = peers / self.package / "versions.txt"
        return stamp.is_file() and stamp.read_bytes() == _list(self.package).read_bytes()

    def run(
        self,
        peers: Path,
        structure_set: Path,
        images: Path,
        output: Path,
        *,
        timeout_s: float = 3600,
        measure_tree: bool = False,
    ) -> Run:
        """Run it into the output, an empty folder; what it says goes to ``log.txt`` beside that."""
        return timed(
            self.command(peers, structure_set, images, output),
            output.with_name(f"{output.name}.log"),
            environment=self.environment(peers),
            timeout_s=timeout_s,
            measure_tree=measure_tree,
        )


TOOLS = (
    Tool(OURS, OURS),
    Tool("plastimatch", "plastimatch"),
    Tool("plastimatch --xor-contours", "plastimatch", options=("--xor-contours",)),
    Tool("rt-utils", "rt-utils", "rt_utils_masks.py", has_header=False),
    Tool("DicomRTTool", "dicomrttool", "dicomrttool_masks.py"),
    Tool("dcmrtstruct2nii", "dcmrtstruct2nii", "dcmrtstruct2nii_masks.py"),
    Tool("platipy", "platipy", "platipy_masks.py"),
    Tool("dicompyler-core", "dicompyler-core", "dicompyler_volumes.py", masks=False),
)
PACKAGES = tuple(dict.fromkeys(tool.package for tool in TOOLS if tool.name != OURS))


def _list(package: str) -> Path:
    return _REQUIREMENTS / f"{package}.txt"


def requirements(package: str) -> dict[str, str]:
    """Return the exact version of every package of an environment, by its name in small letters."""
    lines = _list(package).read_text(encoding="utf-8").split()
    return {name.lower(): version for name, version in (line.split("==") for line in lines)}


def prepare(peers: Path) -> Iterator[tuple[str, str]]:
    """Make the environments that are missing or not of today's versions; yield each name and its outcome."""
    peers.mkdir(parents=True, exist_ok=True)
    for package in (*PACKAGES, PLOTS):
        stamp = peers / package / "versions.txt"
        if stamp.is_file() and stamp.read_bytes() == _list(package).read_bytes():
            yield package, "is there"
            continue
        yield package, _install(package, peers / package)


def _install(package: str, folder: Path) -> str:
    """Make one environment and return what came of it."""
    stamp = folder / "versions.txt"
    stamp.unlink(missing_ok=True)
    # --no-deps: the lists are complete, without the backport of dataclasses that rt-utils asks for.
    steps = (
        [sys.executable, "-m", "venv", "--clear", f"{folder}"],
        [f"{folder}/bin/pip", "install", "--no-deps", "--prefer-binary", "-r", f"{_list(package)}"],
    )
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            (folder.parent / f"{package}.{_LOG}").write_text(done.stdout + done.stderr, encoding="utf-8")
            return f"FAILED: {_last_line(done.stderr or done.stdout)}"
    if package == "plastimatch":
        _give_openmp(folder.parent)
    stamp.write_bytes(_list(package).read_bytes())
    return "installed"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _site(folder: Path) -> Path:
    return next(folder.glob("lib/python3*/site-packages"))


def _plastimatch(peers: Path) -> Path:
    """Return plastimatch itself: the package's own start script costs it a Python."""
    return _site(peers / "plastimatch") / "plastimatch" / "bin" / "plastimatch"


def _openmp(peers: Path) -> Path:
    return peers / "plastimatch" / "openmp"


def _give_openmp(peers: Path) -> None:
    """Put GNU's OpenMP, which plastimatch expects of the machine, where it looks: scikit-learn brings it."""
    source = next(_site(peers / "plastimatch").glob("scikit_learn.libs/libgomp*"))
    _openmp(peers).mkdir(exist_ok=True)
    (_openmp(peers) / "libgomp.so.1").unlink(missing_ok=True)
    (_openmp(peers) / "libgomp.so.1").symlink_to(source)


def plain_name(text: str) -> str:
    """Return a region's name as programs make files of it, in one form: small letters, digits, underlines."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower())


def mask_files(output: Path) -> dict[str, Path]:
    """Return the masks a program wrote, by the plain name of the region (numbers and prefixes left out)."""
    found = {}
    for path in sorted(output.rglob("*.nii.gz")):
        name = re.sub(r"^(mask_|\d{3}_)", "", path.name.removesuffix(".nii.gz"))
        if name != "labels":
            found[plain_name(name)] = path
    return found
