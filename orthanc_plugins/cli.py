"""The suite's command line, ``python -m orthanc_plugins COMMAND``.

Each command is a `Command`: its words, its arguments and the function that runs it. Exit codes: 0 everything
was done; 1 something failed, the rest was done; 2 the command was not understood or found nothing to do.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins import __version__
from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.rtstruct import FORMATS, Phase, extract, read_structure_set
from orthanc_plugins.rtstruct.export import safe_name
from orthanc_plugins.rtstruct.finding import FoundFiles, find_files, series_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.rtstruct import Format, RegionResult, Results

DONE, FAILED, USAGE = 0, 1, 2
_NAME_WIDTH = 24


@dataclass(frozen=True)
class Command:
    """One word of the command line, with what it takes and what it does."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, TextIO, TextIO], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; results go to standard output, progress and errors do not."""
    parser = argparse.ArgumentParser(prog="pacs", description="Orthanc PACS Suite on the command line.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.name, help=command.summary, description=command.summary)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace, TextIO, TextIO], int] = chosen.run
    return run(chosen, sys.stdout, sys.stderr)


def _formats(text: str) -> tuple[Format, ...]:
    """Return the formats named in a list with commas, in the order of `FORMATS`."""
    asked = {word.strip().lower() for word in text.split(",")}
    if unknown := asked - set(FORMATS):
        known = ", ".join(FORMATS)
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; choose from {known}")
    return tuple(known for known in FORMATS if known in asked)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)


def _add_rtstruct_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="DICOM files or folders, mixed")
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help="folder for the results, with one below it for each set if several",
    )
    parser.add_argument(
        "--formats", type=_formats, default=FORMATS, help=f"any of {','.join(FORMATS)} (default: all)"
    )
    parser.add_argument("--jobs", type=_jobs, default=2, help="regions worked on at a time (default: 2)")
    parser.add_argument(
        "--allow-other-frame",
        action="store_true",
        help="accept contours drawn in another frame of reference than the images'",
    )


def _run_rtstruct(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Extract every structure set among the inputs; one that fails does not stop the others."""
    absent = [path for path in chosen.inputs if not path.exists()]
    if absent:
        err.write(f"pacs: not found: {', '.join(map(str, absent))}\n")
        return USAGE
    start = time.perf_counter()
    found = find_files(chosen.inputs)
    search = Phase("read_metadata", time.perf_counter() - start)
    if not found.structure_sets:
        err.write(f"pacs: no RT Structure Set among the inputs: {_counted(found)}.\n")
        return USAGE
    err.write(f"{_counted(found)}\n")
    folders = _folders(found.structure_sets, chosen.output)
    failed = 0
    for path, folder in zip(found.structure_sets, folders, strict=True):
        try:
            results = _extract_file(path, folder, found, chosen, _Progress(err, path.name, search))
        except (PacsSuiteError, OSError) as error:
            failed += 1
            err.write(f"{path}: failed: {error}\n")
        else:
            _report(path, folder, results, out)
    if failed:
        err.write(f"pacs: {failed} of {len(found.structure_sets)} structure sets failed.\n")
    return FAILED if failed else DONE


def _extract_file(
    path: Path, folder: Path, found: FoundFiles, chosen: argparse.Namespace, progress: _Progress
) -> Results:
    structure_set = read_structure_set(path)
    return extract(
        structure_set,
        series_of(structure_set, found),
        folder,
        formats=chosen.formats,
        on_phase=progress,
        earlier_phases=(progress.search,),
        allow_other_frame=chosen.allow_other_frame,
        jobs=chosen.jobs,
    )


@dataclass(frozen=True)
class _Progress:
    """Says which phase of which file has begun; ``search`` is the phase before them all."""

    stream: TextIO
    name: str
    search: Phase

    def __call__(self, phase: str) -> None:
        self.stream.write(f"{self.name}: {phase.replace('_', ' ')} …\n")
        self.stream.flush()


def _counted(found: FoundFiles) -> str:
    images = sum(len(series) for series in found.series.values())
    return (
        f"structure sets: {len(found.structure_sets)}, images: {images} in {len(found.series)} series, "
        f"other files: {found.others}"
    )


def _folders(paths: Sequence[Path], output: Path) -> list[Path]:
    """Return the folder of each structure set: the output itself for one, else one each by file name."""
    if len(paths) == 1:
        return [output]
    seen: dict[str, int] = {}
    folders = []
    for path in paths:
        name = safe_name(path.stem)
        seen[name.lower()] = seen.get(name.lower(), 0) + 1
        again = f"-{seen[name.lower()]}" if seen[name.lower()] > 1 else ""
        folders.append(output / f"{name}{again}")
    return folders


def _report(path: Path, folder: Path, results: Results, out: TextIO) -> None:
    """Write the table of regions and everything that was odd."""
    out.write(f"\n{path} -> {folder}  ({results.processing_time_s:.2f} s)\n")
    out.write(f"{'no.':>5} {'region':<{_NAME_WIDTH}} {'state':<7} {'volume cc':>10} {'area cm2':>9}  files\n")
    out.writelines(f"{_row(region)}\n" for region in results.regions)
    out.writelines(f"  {problem.severity}: {problem.message}\n" for problem in results.problems)


def _row(region: RegionResult) -> str:
    """Return a line of the table; what is not printable in a name is shown as a question mark."""
    name = "".join(letter if letter.isprintable() else "?" for letter in region.name)[:_NAME_WIDTH]
    files = [Path(path).name for path in (region.mask_path, region.stl_path, region.preview_path) if path]
    volume, surface = _number(region.volume_cc), _number(region.surface_cm2)
    return (
        f"{region.number:>5} {name:<{_NAME_WIDTH}} {region.state:<7} {volume:>10} {surface:>9}  "
        f"{' '.join(files) or '-'}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


COMMANDS = (
    Command(
        "rtstruct",
        "Extract masks, meshes, measures and pictures from RT Structure Sets.",
        _add_rtstruct_arguments,
        _run_rtstruct,
    ),
)
