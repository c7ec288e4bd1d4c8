"""The suite's command line, ``python -m orthanc_plugins COMMAND``.

Each command is a `Command`: its words, its arguments and the function that runs it. Exit codes: 0 everything
was done; 1 something failed, the rest was done; 2 the command was not understood or found nothing to do.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins import __version__
from orthanc_plugins.errors import InvalidDicom, PacsSuiteError
from orthanc_plugins.identifiers import is_dicom_uid
from orthanc_plugins.rtstruct import FORMATS, Phase, extract, read_structure_set, write_documents
from orthanc_plugins.rtstruct.finding import FoundFiles, find_files, series_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.rtstruct import Format, RegionResult, Results, StructureSet

DONE, FAILED, USAGE = 0, 1, 2
_EXIT_CODES = (
    "Exit codes: 0 everything was done; 1 something failed, the rest was done; 2 the command was not "
    "understood or found nothing to do."
)
_NAME_WIDTH = 24
_MOST_PROBLEMS = 5
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Command:
    """One word of the command line, with what it takes and what it does."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, TextIO, TextIO], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; results go to standard output, progress and errors do not."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show ends no run
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="pacs", description="Orthanc PACS Suite on the command line.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(
            command.name, help=command.summary, description=command.summary, epilog=_EXIT_CODES
        )
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace, TextIO, TextIO], int] = chosen.run
    return run(chosen, sys.stdout, sys.stderr)


def _formats(text: str) -> tuple[Format, ...]:
    """Return the formats named in a list with commas, in the order of `FORMATS`."""
    asked = {word.strip().lower() for word in text.split(",")}
    if unknown := asked - set(FORMATS):
        named = ", ".join(repr(word) for word in sorted(unknown))
        raise argparse.ArgumentTypeError(f"there is no format {named}; choose from {','.join(FORMATS)}")
    return tuple(known for known in FORMATS if known in asked)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)


def _add_rtstruct_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="DICOM files or folders, mixed; unpack zips first",
    )
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help="folder for the results; where the inputs hold several structure sets, each has a folder below "
        "it, named by its SOP Instance UID as in the service",
    )
    parser.add_argument(
        "--formats",
        type=_formats,
        default=FORMATS,
        help=f"any of {','.join(FORMATS)} (default: all); results.json is written always, "
        "json brings all measures into it, pdf its pictures (png), html its meshes (stl)",
    )
    parser.add_argument("--jobs", type=_jobs, default=2, help="regions worked on at a time (default: 2)")
    parser.add_argument(
        "--allow-other-frame",
        action="store_true",
        help="accept contours drawn in another frame of reference than the images'",
    )


def _run_rtstruct(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Extract every structure set among the inputs; one that fails does not stop the others."""
    if fault := _fault(chosen):
        err.write(f"pacs: {fault}\n")
        return USAGE
    start = time.perf_counter()
    found = find_files(chosen.inputs)
    search = Phase("read_metadata", time.perf_counter() - start)
    if not found.structure_sets:
        err.write(f"pacs: no RT Structure Set among the inputs: {_counted(found)}.\n")
        return USAGE
    err.write(f"{_counted(found)}\n")
    total, failed = len(found.structure_sets), 0
    folders = _Folders(chosen.output, several=total > 1)
    for place, path in enumerate(found.structure_sets, 1):
        progress = _Progress(err, f"[{place}/{total}] {_printable(path.name)}", search)
        try:
            structure_set = read_structure_set(path)
            folder = folders.of(structure_set)
            results = _extract_set(structure_set, folder, found, chosen, progress)
        except (PacsSuiteError, OSError) as error:
            failed += 1
            err.write(f"{_printable(str(path))}: failed: {_printable(str(error))}\n")
        else:
            _report(path, folder, results, out)
    err.write(f"pacs: structure sets: {total - failed} done, {failed} failed.\n")
    return FAILED if failed else DONE


def _fault(chosen: argparse.Namespace) -> str | None:
    """Return what is wrong with the paths given, None when they can be used."""
    absent = [path for path in chosen.inputs if not (path.is_file() or path.is_dir())]
    if absent:
        return f"not found, or neither file nor folder: {', '.join(_printable(str(path)) for path in absent)}"
    if zips := [_printable(str(path)) for path in chosen.inputs if path.is_file() and _begins_as_zip(path)]:
        return f"a zip is not read: unpack it and give the folder: {', '.join(zips)}"
    if chosen.output.exists() and not chosen.output.is_dir():
        return f"{_printable(str(chosen.output))} is a file: the last argument is the folder for the results."
    return None


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_ZIP)) == _ZIP


def _extract_set(
    structure_set: StructureSet,
    folder: Path,
    found: FoundFiles,
    chosen: argparse.Namespace,
    progress: _Progress,
) -> Results:
    """Write what the service writes, in the same places below the folder."""
    if folder.is_dir() and any(folder.iterdir()):
        progress.say("its folder holds files already; those not written again stay")
    results = extract(
        structure_set,
        series_of(structure_set, found),
        folder,
        formats=chosen.formats,
        on_phase=progress,
        earlier_phases=(progress.search,),
        allow_other_frame=chosen.allow_other_frame,
        jobs=chosen.jobs,
    )
    progress("documents")
    write_documents(structure_set, results, folder, chosen.formats, created=datetime.now(UTC))
    return results


@dataclass(frozen=True)
class _Progress:
    """Says which phase of which file has begun; ``search`` is the phase before them all."""

    stream: TextIO
    name: str
    search: Phase

    def __call__(self, phase: str) -> None:
        self.say(f"{phase.replace('_', ' ')} …")

    def say(self, text: str) -> None:
        """Write a line about the file."""
        self.stream.write(f"{self.name}: {text}\n")
        self.stream.flush()


def _counted(found: FoundFiles) -> str:
    images = sum(len(series) for series in found.series.values())
    copies = f" ({found.copies} copies left out)" if found.copies else ""
    return (
        f"structure sets: {len(found.structure_sets)}{copies}, images: {images} in {len(found.series)} "
        f"series, other files: {found.others}"
    )


@dataclass
class _Folders:
    """Says where the results of each structure set go: the same set has the same folder in every run."""

    output: Path
    several: bool
    _given: set[str] = field(default_factory=set)

    def of(self, structure_set: StructureSet) -> Path:
        """Return the output itself for a single set, else a folder below it named by the SOP Instance UID.

        Raises
        ------
        InvalidDicom
            The set has no valid UID, or that of another one.
        """
        if not self.several:
            return self.output
        uid = structure_set.sop_instance_uid
        if not is_dicom_uid(uid):
            raise InvalidDicom("It has no valid SOP Instance UID to name its folder by: extract it alone.")
        if uid in self._given:
            raise InvalidDicom(
                f"Another structure set among the inputs has its SOP Instance UID {uid}: extract it alone."
            )
        self._given.add(uid)
        return self.output / uid


def _report(path: Path, folder: Path, results: Results, out: TextIO) -> None:
    """Write the table of regions, the first of what was odd, errors before warnings, and how it all ended."""
    label = _printable(results.sources.structure_set_label)
    where = f"{_printable(str(path))}{label and f' ({label})'} -> {_printable(str(folder))}"
    out.write(f"\n{where}  ({results.processing_time_s:.2f} s)\n")
    out.write(f"{'no.':>5} {'region':<{_NAME_WIDTH}} {'state':<7} {'volume cc':>10} {'area cm2':>9}  files\n")
    out.writelines(f"{_row(region)}\n" for region in results.regions)
    problems = sorted(results.problems, key=lambda problem: problem.severity != "error")
    out.writelines(f"  {problem.severity}: {problem.message}\n" for problem in problems[:_MOST_PROBLEMS])
    if more := problems[_MOST_PROBLEMS:]:
        out.write(f"  … and {len(more)} more in results.json\n")
    states = [region.state for region in results.regions]
    ended = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none"
    out.write(f"  regions: {ended}; problems: {len(results.problems)}\n")


def _row(region: RegionResult) -> str:
    """Return a line of the table."""
    name = _printable(region.name)
    if len(name) > _NAME_WIDTH:
        name = f"{name[: _NAME_WIDTH - 1]}…"
    files = [Path(path).name for path in (region.mask_path, region.stl_path, region.preview_path) if path]
    volume, surface = _number(region.volume_cc), _number(region.surface_cm2)
    return (
        f"{region.number:>5} {name:<{_NAME_WIDTH}} {region.state:<7} {volume:>10} {surface:>9}  "
        f"{' '.join(files) or '-'}"
    )


def _printable(text: str) -> str:
    """Return a text that can do nothing to a terminal: what is not printable becomes a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


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
