"""``pacs rtstruct-compare``: one RT Structure Set against another, from files or folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import (
    DONE,
    FAILED,
    HOW_TO_ALLOW,
    INTERRUPTED,
    UNKNOWN_FAULT,
    USAGE,
    Command,
    printable,
    reason_of,
)
from orthanc_plugins.errors import ComparisonError, ConfigurationError, PacsSuiteError
from orthanc_plugins.logs import describe_exception
from orthanc_plugins.rtstruct import read_structure_set
from orthanc_plugins.rtstruct.comparison.matching import named_pairs
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.reading.finding import find_files, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.rtstruct import Comparison, RegionComparison, StructureSet

JSON_NAME, CSV_NAME = "comparison.json", "comparison.csv"

_NAME_WIDTH = 20
_MOST_NAMED = 20
_COLUMNS = {
    "voxels cc": 2,
    "other cc": 2,
    "Dice": 3,
    "mean mm": 2,
    "HD95 mm": 2,
    "max mm": 2,
    "surface Dice 2 mm": 3,
    "nearest mm": 2,
}
"""Numbers of the table, each with its decimal places; a column is as wide as its title, at least `_WIDTH`."""
_WIDTH = 8
_FILE_OR_FOLDER = "a file, or a folder that holds exactly one"
_EXIT_CODES = (
    "Exit codes: 0 the sets were compared; 1 they cannot be compared, a file cannot be read or written, or "
    "something of a pair could not be measured, which was told; 2 the command was not understood, a file is "
    "not there, a folder holds no structure set or several, or a set has no such region as --pair names; "
    "130 interrupted, nothing was written."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "first", type=Path, metavar="A", help=f"RT Structure Set, the reference: {_FILE_OR_FOLDER}"
    )
    parser.add_argument(
        "second", type=Path, metavar="B", help="RT Structure Set to compare with it, likewise"
    )
    parser.add_argument(
        "images",
        nargs="*",
        type=Path,
        metavar="IMAGES",
        help="images they were drawn on: DICOM files or folders, those in the folders A and B beside; "
        "without any, contours alone are compared",
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT", help=f"folder for {JSON_NAME} and {CSV_NAME}")
    parser.add_argument(
        "--pair",
        action="append",
        type=_pair,
        default=[],
        metavar="A=B",
        help="compare these two regions only, by name or by #number; can be given several times",
    )
    parser.add_argument(
        "--match",
        choices=("name", "overlap"),
        default="name",
        help="which regions belong together: those of the same name (default), or of the greatest Dice",
    )
    parser.add_argument("--jobs", type=_jobs, default=2, help="regions worked on at a time (default: 2)")
    parser.add_argument(
        "--allow-other-frame",
        action="store_true",
        help="compare sets drawn in different frames of reference all the same",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Compare two structure sets, write what was found, and show a table."""
    absent = [path for path in (chosen.first, chosen.second, *chosen.images) if not path.exists()]
    if absent:
        err.write(f"pacs: not found: {', '.join(printable(str(path)) for path in absent)}\n")
        return USAGE
    if chosen.output.exists() and not chosen.output.is_dir():
        err.write(f"pacs: {printable(str(chosen.output))} is a file: the last argument is the folder.\n")
        return USAGE
    try:
        compared = _compare(chosen)
        write_whole(chosen.output / JSON_NAME, compared.to_json_bytes())
        write_whole(chosen.output / CSV_NAME, compared.to_csv_bytes())
    except ConfigurationError as error:
        err.write(f"pacs: {printable(str(error))}\n")
        return USAGE
    except KeyboardInterrupt:
        err.write("pacs: interrupted: the structure sets were not compared.\n")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the command: what a fault quotes may be a patient's
        foreseen = isinstance(error, PacsSuiteError | OSError)
        why = reason_of(error) if foreseen else f"{UNKNOWN_FAULT}: {describe_exception(error)}."
        err.write(f"pacs: the structure sets were not compared: {printable(why)}\n")
        return FAILED
    _report(compared, out)
    err.write(f"pacs: {_counted(compared)}.\n")
    return FAILED if any(problem.severity == "error" for problem in compared.problems) else DONE


def _compare(chosen: argparse.Namespace) -> Comparison:
    from orthanc_plugins.rtstruct import compare_structure_sets  # noqa: PLC0415 - scipy, for this command alone

    given = (chosen.first, chosen.second)
    first, second = (read_structure_set(_set_in(path) if path.is_dir() else path) for path in given)
    found = find_files((*chosen.images, *(path for path in given if path.is_dir())))
    _check_pairs(chosen.pair, first, second)
    images = [series_of(structure_set, found) for structure_set in (first, second)]
    return compare_structure_sets(
        first,
        second,
        *images,
        pairs=chosen.pair,
        match=chosen.match,
        allow_other_frame=chosen.allow_other_frame,
        how_to_allow=HOW_TO_ALLOW,
        jobs=chosen.jobs,
    )


def _set_in(folder: Path) -> Path:
    """Return the file of the one structure set in a folder.

    Raises
    ------
    ConfigurationError
        It holds none, or several.
    """
    there = [one.path for one in find_files([folder]).structure_sets]
    if len(there) == 1:
        return there[0]
    if not there:
        raise ConfigurationError(f"{folder} holds no RT Structure Set: give a file, or a folder with one.")
    named = ", ".join(str(path) for path in there[:_MOST_NAMED])
    more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
    raise ConfigurationError(f"{folder} holds {len(there)} RT Structure Sets: give one of {named}{more}.")


def _check_pairs(pairs: Sequence[tuple[str | int, str | int]], *sets: StructureSet) -> None:
    """Check that each region of ``--pair`` is there, once, and can be compared.

    Raises
    ------
    ConfigurationError
        One of them is not. The text holds names, as the user has given names: it is for his own screen.
    """
    for which, structure_set, wanted in zip(
        ("first", "second"), sets, zip(*pairs, strict=True), strict=False
    ):
        regions = [region for region in structure_set.regions if region.contours]
        for one in wanted:
            try:
                named_pairs(regions, regions, [(one, one)])
            except ComparisonError as error:
                asked = f"#{one}" if isinstance(one, int) else repr(one)
                there = ", ".join(f"#{region.number} {region.name}" for region in regions) or "none"
                raise ConfigurationError(
                    f"--pair: no region, or more than one, of the {which} structure set is {asked}. Its "
                    f"regions with closed contours: {there}."
                ) from error


def _pair(text: str) -> tuple[str | int, str | int]:
    """Return the two regions of ``A=B``."""
    one, sign, other = text.partition("=")
    if not (sign and one.strip() and other.strip()):
        raise argparse.ArgumentTypeError("give two regions as A=B, by name or by #number")
    return _named(one.strip()), _named(other.strip())


def _named(text: str) -> str | int:
    return int(text[1:]) if text.startswith("#") and text[1:].isdecimal() else text


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)


def _report(compared: Comparison, out: TextIO) -> None:
    """Write the table of pairs, what had none unless pairs were asked for, and what was odd."""
    titles = " ".join(f"{title:>{_WIDTH}}" for title in _COLUMNS)
    out.write(f"{'region':<{_NAME_WIDTH}} {'other':<{_NAME_WIDTH}} {titles}\n")
    out.writelines(f"{_row(pair)}\n" for pair in compared.pairs)
    for region in () if compared.match == "pairs" else compared.unmatched:
        why = region.reason.replace("_", " ")
        out.write(
            f"  without a pair: {region.number} {printable(region.name)} ({region.structure_set}, {why})\n"
        )
    for problem in compared.problems:
        where = f" ({problem.structure_set} set)" if problem.structure_set else ""
        out.write(f"  {problem.severity}{where}: {problem.message}\n")


def _counted(compared: Comparison) -> str:
    """Return how many pairs there are, and how many regions are in none."""
    left_out = "not asked for" if compared.match == "pairs" else "without a pair"
    return f"pairs: {len(compared.pairs)}, regions {left_out}: {len(compared.unmatched)}"


def _row(pair: RegionComparison) -> str:
    """Return a line of the table."""
    shared, surface = pair.overlap, pair.surface
    volumes = (shared.volume_voxels_cc, shared.other_volume_voxels_cc, shared.dice) if shared else (None,) * 3
    distances = (surface.mean_mm, surface.hd95_mm, surface.hausdorff_mm) if surface else (None,) * 3
    dice = surface.surface_dice.get("2") if surface else None
    numbers = zip(_COLUMNS.items(), (*volumes, *distances, dice, pair.nearest_mm), strict=True)
    cells = (f"{_number(value, places):>{max(_WIDTH, len(title))}}" for (title, places), value in numbers)
    return " ".join((_name(pair.region_name), _name(pair.other_name), *cells))


def _name(text: str) -> str:
    shown = printable(text)
    return f"{shown if len(shown) <= _NAME_WIDTH else shown[: _NAME_WIDTH - 1] + '…':<{_NAME_WIDTH}}"


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


COMMAND = Command(
    "rtstruct-compare",
    "Compare one RT Structure Set with another, such as a physician's with an algorithm's.",
    _EXIT_CODES,
    _add_arguments,
    _run,
)
