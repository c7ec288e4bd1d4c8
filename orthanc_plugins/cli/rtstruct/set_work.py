"""One structure set from its source to finished results: seen whole, or not at all.

Results are made in a folder that nobody looks at and moved to their place when they are whole (see
`set_folder`), ``results.json`` last; it holds a fingerprint of what they were made from. So a set is done
when, and only when, the file is there with the fingerprint that the run expects.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.cli.commands import HOW_TO_ALLOW, UNKNOWN_FAULT, reason_of
from orthanc_plugins.cli.rtstruct.set_folder import held_results, is_complete, publish
from orthanc_plugins.cli.rtstruct.tally import Tally, tally_of
from orthanc_plugins.engine import engine_digest
from orthanc_plugins.errors import ArchiveUnavailable, PacsSuiteError
from orthanc_plugins.logs import describe_exception
from orthanc_plugins.rtstruct import Documents, Phase, extract, read_structure_set
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.faults import described
from orthanc_plugins.rtstruct.files import RESULTS_NAME
from orthanc_plugins.rtstruct.problems import DOSE_MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from orthanc_plugins.cli.rtstruct.options import Options
    from orthanc_plugins.cli.rtstruct.sources import SetSource
    from orthanc_plugins.rtstruct import ImageSeries, StructureSet
    from orthanc_plugins.rtstruct.dose import MissingDose

State = Literal["done", "kept", "failed", "no_region"]

PAUSES_S = (0.5, 1, 2, 4, 8, 16, 32)
"""About a minute, longer than Orthanc takes to start again: a night's run outlives that."""
_NOT_FOR_GOOD = frozenset({DOSE_MISSING, "unexpected", "not_written", "not_taken_over", "not_compared"})
"""Problems that the next run may not have, such as want of memory: it makes the set anew."""


@dataclass(frozen=True)
class SetTask:
    """What is to be done with one structure set.

    ``folder`` is the place of its results, ``work_folder`` where they are made, on the same file system.
    ``threads`` is how many regions are worked on at a time; ``again`` makes complete results anew; ``place``
    is the set's place among those of the run.
    """

    source: SetSource
    folder: Path
    work_folder: Path
    options: Options
    again: bool
    threads: int = 1
    place: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    ``kept`` when a former run had done it; ``no_region`` when it has none of the regions that were asked for:
    nothing was made then, and ``names`` are those it has. ``reason`` says why there are no results, ``fault``
    of one that was not foreseen its type and the code it came through.
    """

    state: State
    reason: str = ""
    duration_s: float = 0.0
    problems: Tally = field(default_factory=Tally)
    names: tuple[str, ...] = ()
    fault: str = ""


class _NoRegion(Exception):  # noqa: N818 - nothing is wrong with the set
    """A structure set has none of the regions that were asked for."""

    def __init__(self, patterns: Sequence[str], names: tuple[str, ...]) -> None:
        super().__init__(f"no region matches {', '.join(map(repr, patterns))}; nothing was made of it.")
        self.names = names


def do_set(task: SetTask, on_phase: Callable[[str], None] | None = None) -> Outcome:
    """Make the results of a structure set unless they are there; a failure is an outcome."""
    start = time.perf_counter()
    try:
        state: State = "done" if _patiently_make(task, on_phase) else "kept"
        problems = tally_of(held_results(task.folder))
    except _NoRegion as none:
        return Outcome("no_region", str(none), time.perf_counter() - start, names=none.names)
    except (PacsSuiteError, OSError) as error:
        return Outcome("failed", reason_of(error), time.perf_counter() - start)
    except Exception as error:  # noqa: BLE001 - the edge of a set: a fault costs no other, and is told
        reason = f"{UNKNOWN_FAULT}: {described(error)}."
        return Outcome("failed", reason, time.perf_counter() - start, fault=describe_exception(error))
    finally:
        shutil.rmtree(task.work_folder, ignore_errors=True)
    return Outcome(state, duration_s=time.perf_counter() - start, problems=problems)


def _patiently_make(task: SetTask, on_phase: Callable[[str], None] | None) -> bool:
    """Make the results; where an archive cannot answer, again after a while. See `_make`."""
    for pause_s in PAUSES_S:
        try:
            return _make(task, on_phase)
        except ArchiveUnavailable:
            time.sleep(pause_s)
    return _make(task, on_phase)


def _make(task: SetTask, on_phase: Callable[[str], None] | None) -> bool:
    """Make the results; return whether that was necessary."""
    start = time.perf_counter()
    content = task.source.content()
    structure_set = read_structure_set(content)
    chosen = task.options.regions
    if chosen is not None and not any(map(chosen.takes, structure_set.regions)):
        raise _NoRegion(chosen.patterns, tuple(region.name for region in structure_set.regions))
    images = task.source.images(structure_set)
    doses = task.source.doses(structure_set)
    used = images or task.source.no_images_because
    fingerprint = _fingerprint(content, used, sorted(doses), task.options)
    if not task.again and is_complete(task.folder, fingerprint, task.options.formats):
        return False
    reading = Phase("read_metadata", time.perf_counter() - start)
    if chosen is not None:
        structure_set = chosen.apply(structure_set)
    _write(task, structure_set, images, doses, reading, fingerprint, on_phase)
    publish(task.work_folder, task.folder)
    return True


def _write(  # noqa: PLR0913, PLR0917 - the parts of one set
    task: SetTask,
    structure_set: StructureSet,
    images: ImageSeries | None,
    doses: Mapping[str, Callable[[], bytes | Path | MissingDose]],
    reading: Phase,
    fingerprint: str,
    on_phase: Callable[[str], None] | None,
) -> None:
    """Write everything to the folder of work, ``results.json`` last."""
    folder, formats = task.work_folder, task.options.formats
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    documents = Documents(structure_set, folder, formats)
    results = extract(
        structure_set,
        images,
        folder,
        formats=formats,
        doses=(give() for give in doses.values()) if doses else (),
        on_phase=on_phase,
        on_region=documents.add,
        earlier_phases=(reading,),
        jobs=task.threads,
        how_to_allow=HOW_TO_ALLOW,
        no_images_because=task.source.no_images_because,
        **task.options.engine,
    )
    if on_phase is not None:
        on_phase("documents")
    odd = documents.write(results, created=datetime.now(UTC))
    results = replace(results, problems=(*odd, *results.problems))
    if not any(problem.code in _NOT_FOR_GOOD for problem in results.problems):
        results = replace(results, fingerprint=fingerprint)
    write_whole(folder / RESULTS_NAME, results.to_json_bytes())


def _fingerprint(content: bytes, images: ImageSeries | str, doses: Sequence[str], options: Options) -> str:
    """Return a digest of what results are made from and how: set, images, doses, options and engine.

    ``images`` is what is told of them where none are used.
    """
    made_from = {
        "engine": engine_digest(),
        "structure_set": hashlib.sha256(content).hexdigest(),
        "images": images
        if isinstance(images, str)
        else sorted(image.sop_instance_uid for image in images.images),
        "doses": doses,
        "options": options.to_json(),
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
