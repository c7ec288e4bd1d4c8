"""The words of ``pacs rtstruct``. What only the engine needs to know is one line of `ENGINE_OPTIONS`."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orthanc_plugins.rtstruct import DEFAULT_FORMATS, FORMATS, MESH_DETAILS, MESH_FRAMES
from orthanc_plugins.rtstruct.selection import RegionChoice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.rtstruct import Format


@dataclass(frozen=True)
class EngineOption:
    """A word of the command line that becomes a keyword of `extract`, in the same spelling.

    ``--allow-other-frame`` is ``allow_other_frame``. ``settings`` are those of ``argparse``; values must be
    what JSON can hold, for they are part of the results' fingerprint.
    """

    flag: str
    settings: Mapping[str, Any]

    @property
    def keyword(self) -> str:
        """The keyword argument of `extract`."""
        return self.flag.removeprefix("--").replace("-", "_")


ENGINE_OPTIONS = (
    EngineOption(
        "--partial-volume",
        {
            "action": "store_true",
            "help": "also write which share of each voxel a region fills, as NNN_name.partial.nii.gz",
        },
    ),
    EngineOption(
        "--mesh-detail",
        {
            "choices": MESH_DETAILS,
            "default": "full",
            "help": "cells of a mesh of at most 1.2, 2.5 or 5 mm in the plane (default: full)",
        },
    ),
    EngineOption(
        "--mesh-frame",
        {
            "choices": MESH_FRAMES,
            "default": "LPS",
            "help": "x, y, z of meshes to the left, back, head, or to the right, front, head (default: LPS)",
        },
    ),
    EngineOption(
        "--comparison",
        {
            "action": argparse.BooleanOptionalAction,
            "default": True,
            "help": "compare every region with every other, a table in results.json (default: yes)",
        },
    ),
    EngineOption(
        "--allow-other-frame",
        {
            "action": "store_true",
            "help": "accept contours drawn in another frame of reference than the images'",
        },
    ),
)


@dataclass(frozen=True)
class Options:
    """What is made of each structure set; equal options make equal results.

    ``engine`` are keyword arguments of `extract`; ``regions`` is None where all are wanted.
    """

    formats: tuple[Format, ...] = DEFAULT_FORMATS
    regions: RegionChoice | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON can hold them."""
        return {
            "formats": list(self.formats),
            "regions": None if self.regions is None else list(self.regions.patterns),
            **self.engine,
        }


def options_of(chosen: argparse.Namespace) -> Options:
    """Return the options among parsed arguments."""
    engine = {option.keyword: getattr(chosen, option.keyword) for option in ENGINE_OPTIONS}
    return Options(chosen.formats, chosen.regions, engine)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell a parser the command's arguments."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="DICOM files and folders, mixed; or Orthanc: http://HOST:8042, all it holds, or one of its "
        "…/patients/ID, …/studies/ID, …/series/ID, …/instances/ID, or …?study=UID. User and password stand "
        "in ORTHANC__PACS_SUITE__ORTHANC__USERNAME and …__PASSWORD, or before the host as user:password@",
    )
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help="folder for index.csv, run.json and a folder for each structure set, named by its SOP Instance "
        "UID as in the service",
    )
    parser.add_argument(
        "--formats",
        type=_formats,
        default=DEFAULT_FORMATS,
        help=f"any of {','.join(FORMATS)} (default: {','.join(DEFAULT_FORMATS)}); "
        "results.json is written always, "
        "json brings all measures into it, pdf its pictures (png), html its meshes (stl)",
    )
    parser.add_argument(
        "--regions",
        type=_regions,
        metavar="LIST",
        help="only these: names or numbers with commas between, capitals or not, * and ? stand for "
        "anything and any letter ('GTV*,Lung_?,7'); @FILE takes one from each line of a file (UTF-8); blank "
        "lines and those that begin with # are left out (write ? for the # of a name)",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=os.process_cpu_count() or 1,
        help="structure sets worked on at a time, each in a process of its own; for a single set, regions "
        "at a time (default: the number of cores)",
    )
    parser.add_argument(
        "--again", action="store_true", help="make anew what a former run has made with the same options"
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="say nothing but what failed, which sets have errors, and the end",
    )
    for option in ENGINE_OPTIONS:
        parser.add_argument(option.flag, **option.settings)


def _formats(text: str) -> tuple[Format, ...]:
    """Return the formats named in a list with commas, in the order of `FORMATS`."""
    asked = {word.strip().lower() for word in text.split(",")}
    if unknown := asked - set(FORMATS):
        named = ", ".join(repr(word) for word in sorted(unknown))
        raise argparse.ArgumentTypeError(f"there is no format {named}; choose from {','.join(FORMATS)}")
    return tuple(known for known in FORMATS if known in asked)


def _regions(text: str) -> RegionChoice:
    """Return the choice of regions that a list, or the file named after ``@``, describes."""
    words = _lines(Path(text[1:])) if text.startswith("@") else text.split(",")
    patterns = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    if not patterns:
        raise argparse.ArgumentTypeError("it names no region")
    return RegionChoice(patterns)


def _lines(file: Path) -> list[str]:
    """Return the lines of a text file, without its comments."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(f"{file} does not exist") from error
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError(f"{file} is not text in UTF-8") from error
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{file} cannot be read: {error.strerror}") from error
    return [line for line in lines if not line.lstrip().startswith("#")]


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)
