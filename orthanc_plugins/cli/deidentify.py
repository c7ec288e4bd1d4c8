"""``pacs deidentify``: files and folders in, de-identified and checked studies out; no Orthanc is needed."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins import __version__
from orthanc_plugins.cli.chosen import named_profile, patients_by_default, project_of_settings
from orthanc_plugins.cli.commands import DONE, FAILED, INTERRUPTED, USAGE, Command, printable, reason_of
from orthanc_plugins.cli.interruption import terminated_as_interrupted
from orthanc_plugins.errors import ConfigurationError, CustodyError, DeidError, ZipRefused
from orthanc_plugins.zips import is_zip, unpacked

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.release import Outcome, Project, Studies, StudyInput

_EXIT_CODES = (
    "Exit codes: 0 every study was de-identified, checked and written; 1 a study was refused or held, or "
    "a file could not be used: nothing of it was written; 2 the command was not understood, or a key, "
    "profile or folder cannot be used; 130 interrupted: what was written by then was checked."
)
_CLEAR = "\r\x1b[K"
_MOST_FINDINGS = 10
_MOST_FAULTS = 10
_MOST_OTHERS = 5


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", nargs="+", type=Path, metavar="INPUT", help="DICOM files, folders and ZIPs of them"
    )
    parser.add_argument(
        "output", type=Path, metavar="OUTPUT", help="folder for <patient>/<study>/<series>/<instance>.dcm"
    )
    parser.add_argument(
        "--project",
        required=True,
        help="project of the pseudonyms; pacs project create NAME makes its key, once",
    )
    parser.add_argument(
        "--profile", default="basic", metavar="NAME|FILE.yaml", help="what is done; basic when not given"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what was done and checked, as JSON"
    )
    parser.add_argument(
        "--custody",
        type=Path,
        metavar="FOLDER",
        help="where the keys of projects are; as in the settings when not given",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes; one a core by default",
    )
    parser.add_argument(
        "--one-person",
        action="store_true",
        help="names, birth dates and sexes that differ under one patient identifier are those of one person: "
        "you have looked",
    )


def run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    """De-identify what is named, and return the exit code."""
    from orthanc_plugins.release import sorted_studies  # noqa: PLC0415 - numerics are loaded only here

    try:
        project = _project(arguments)
        with terminated_as_interrupted(), _all_unpacked(arguments.input) as given:
            found = sorted_studies(given)
            print(
                f"{found.files} files: {len(found.studies)} studies, project {project.name}, profile "
                f"{project.profile.name}",
                file=errors,
            )
            _tell_faults(found, errors)
            outcomes = _all_released(found, project, arguments, errors)
    except KeyboardInterrupt:
        print("interrupted: what was written by then was checked", file=errors)
        return INTERRUPTED
    except (DeidError, CustodyError, ConfigurationError, ZipRefused, OSError) as error:
        print(f"pacs deidentify: {printable(_reason_of(error, arguments.output))}", file=errors)
        return USAGE
    return _told(found, outcomes, arguments.output, output)


@contextmanager
def _all_unpacked(inputs: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the inputs, those that are ZIPs as folders that are gone afterwards."""
    with ExitStack() as folders:
        yield [folders.enter_context(unpacked(one)) if is_zip(one) else one for one in inputs]


def _reason_of(error: Exception, output: Path) -> str:
    """Return why it ended; where the system does not say at which file, it was at one of the output."""
    told = reason_of(error)
    return f"{told}: {output}" if isinstance(error, OSError) and not error.filename else told


def _all_released(
    found: Studies, project: Project, arguments: argparse.Namespace, errors: TextIO
) -> list[Outcome]:
    """Release study after study, and report those that were done also where the run ends before its time."""
    from orthanc_plugins.release import report_of  # noqa: PLC0415 - numerics are loaded only here

    outcomes: list[Outcome] = []
    report: Path | None = arguments.report
    if report is not None:
        report.open("a").close()  # what cannot be written is told before anything is done
    try:
        for number, study in enumerate(found.studies, 1):
            told = _Told(f"study {number} of {len(found.studies)}", errors)
            outcomes.append(_released(study, project, arguments, told))
    finally:
        if report is not None:
            text = json.dumps(report_of(project, found, outcomes), indent=2, ensure_ascii=False)
            report.write_text(text + "\n", encoding="utf-8")
    return outcomes


def _project(arguments: argparse.Namespace) -> Project:
    from orthanc_plugins.projects import Custodian  # noqa: PLC0415 - likewise
    from orthanc_plugins.release import Project  # noqa: PLC0415 - likewise

    missing = [path for path in arguments.input if not path.exists()]
    if missing:
        raise ConfigurationError(f"{missing[0]} does not exist.")
    profile = named_profile(arguments.profile)
    custody = arguments.custody if arguments.custody is not None else _custody()
    if custody.resolve().is_relative_to(arguments.output.resolve()):
        raise ConfigurationError("The keys lie inside the output: whoever gets the one gets the other.")
    _keep_apart(arguments.input, arguments.output)
    said = None if arguments.custody is not None else project_of_settings(arguments.project)
    Custodian(custody).patient_form(  # tells what to do where there is no such project
        arguments.project,
        patients=None if said is None else said.patients,
        otherwise=None if said is None else patients_by_default(said),
    )
    return Project.opened(arguments.project, custody, profile, __version__)


def _keep_apart(inputs: list[Path], output: Path) -> None:
    """Refuse an output among the originals, which would be an original the next time, and the reverse."""
    there = output.resolve()
    for given in inputs:
        if there.is_relative_to(given.resolve()) or given.resolve().is_relative_to(there):
            raise ConfigurationError(
                f"INPUT {given} and OUTPUT {output} lie one in the other: what was de-identified would be "
                "taken for an original, or an original go with it. Take a folder apart."
            )


def _custody() -> Path:
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - where none is named

    return read_settings().custody


def _tell_faults(found: Studies, errors: TextIO) -> None:
    """Say which files cannot be used; those that are no DICOM are counted, and the first named."""
    faults = [fault for fault in found.faults if fault.is_dicom]
    for fault in faults[:_MOST_FAULTS]:
        print(f"  {printable(str(fault.path))}: {fault.reason}", file=errors)
    if len(faults) > _MOST_FAULTS:
        print(f"  and {len(faults) - _MOST_FAULTS} more", file=errors)
    others = [fault.path for fault in found.faults if not fault.is_dicom]
    if others:
        more = ", …" if len(others) > _MOST_OTHERS else ""
        named = ", ".join(printable(str(path)) for path in others[:_MOST_OTHERS])
        print(f"  {len(others)} files are no DICOM and are left out: {named}{more}", file=errors)
    if found.directories:
        print(f"  {found.directories} DICOMDIR left out: it names files, and holds none itself", file=errors)


def _released(
    study: StudyInput,
    project: Project,
    arguments: argparse.Namespace,
    told: _Told,
) -> Outcome:
    from orthanc_plugins.release import release  # noqa: PLC0415 - numerics are loaded only here

    if arguments.one_person:
        project.settle(study)
    outcome = release(
        study, project, arguments.output, workers=max(1, arguments.workers), progress=told.progress
    )
    took = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in outcome.seconds.items())
    told.end(f"{outcome.instances} instances, {outcome.state}{f' ({took})' if took else ''}")
    if outcome.reason:
        print(f"  {outcome.reason}", file=told.stream)
    _tell_findings(outcome, told.stream)
    return outcome


@dataclass
class _Told:
    """The line of one study; on a terminal it is written over while the study is worked on."""

    study: str
    stream: TextIO

    def progress(self, done: int, whole: int) -> None:
        """Tell how far it is."""
        if self.stream.isatty():
            what = f"{done} of {whole} instances" if done < whole else f"{whole} instances, being checked"
            print(f"{_CLEAR}{self.study}: {what}", end="", file=self.stream, flush=True)

    def end(self, what: str) -> None:
        """Tell what became of it."""
        print(f"{_CLEAR if self.stream.isatty() else ''}{self.study}: {what}", file=self.stream, flush=True)


def _tell_findings(outcome: Outcome, errors: TextIO) -> None:
    if outcome.check is None:
        return
    alike = Counter((one.check, one.location, one.text) for one in outcome.check.findings)
    for (check, location, text), times in alike.most_common(_MOST_FINDINGS):
        where = f" at {location}" if location else ""
        print(f"  {check}{where}: {text}{f' ({times} times)' if times > 1 else ''}", file=errors)
    if len(alike) > _MOST_FINDINGS:
        print(
            f"  and {len(alike) - _MOST_FINDINGS} more kinds of findings; --report has them all", file=errors
        )


def _told(found: Studies, outcomes: list[Outcome], folder: Path, output: TextIO) -> int:
    states = Counter(str(outcome.state) for outcome in outcomes)
    files = sum(len(outcome.files) for outcome in outcomes)
    told = ", ".join(f"{times} {state}" for state, times in sorted(states.items())) or "none found"
    print(f"studies: {told}; {files} files in {printable(str(folder))}", file=output)
    faces = sum(bool(outcome.faces) for outcome in outcomes)
    if faces:
        print(f"in {faces} of them a face may be recognised; faces are not removed", file=output)
    unusable = any(fault.is_dicom for fault in found.faults)
    if unusable or not outcomes or any(outcome.state != "released" for outcome in outcomes):
        return FAILED
    return DONE


COMMAND = Command(
    "deidentify",
    "De-identify DICOM files by PS3.15, check them by independent means, and write what has passed.",
    _EXIT_CODES,
    _add_arguments,
    run,
)
