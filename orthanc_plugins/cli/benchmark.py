"""``pacs benchmark``: the paired benchmark of Orthanc and DCM4CHEE, with or without the service."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark import telling
from orthanc_plugins.benchmark.plan import LEAST_SCALE, MOST_ROUNDS, ROUNDS, Question, new_plan
from orthanc_plugins.benchmark.targets import (
    basic_authorisation,
    dcm4chee_target,
    orthanc_target,
    parse_dicom_address,
    split_credentials,
)
from orthanc_plugins.cli.commands import (
    DONE,
    FAILED,
    INTERRUPTED,
    UNKNOWN_FAULT,
    USAGE,
    Command,
    printable,
    reason_of,
)
from orthanc_plugins.cli.interruption import terminated_as_interrupted
from orthanc_plugins.errors import ArchiveError, BenchmarkRefused, ConfigurationError, PacsSuiteError
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from orthanc_plugins.benchmark.plan import Plan
    from orthanc_plugins.benchmark.results import Results
    from orthanc_plugins.benchmark.targets import DicomAddress, Target

CONFIGURATION_VARIABLE = "PACS_SUITE_CONFIGURATION"
OUTPUT = "benchmarks"

_WIDE, _NARROW = 46, 12
_EXIT_CODES = (
    "Exit codes: 0 both archives were measured, and nothing of it is left in them; 1 they were not, or "
    "something is left in one, which was told (--clean removes it); 2 the command was not understood, an "
    "archive does not answer, or it is one that people work with and --i-mean-it was not given; 130 "
    "interrupted: what was sent was removed."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale",
        type=_scale,
        default=1.0,
        metavar="SHARE",
        help="1 (default): 100 images, 1,000 patients, 500 MB; 0.1: a tenth of that",
    )
    parser.add_argument(
        "--questions",
        type=_questions,
        default=(),
        metavar="NAMES",
        help=f"which to ask, with commas between: {', '.join(Question)} (default: all)",
    )
    parser.add_argument(
        "--rounds",
        type=_rounds,
        default=ROUNDS,
        help=f"rounds that count (default: {ROUNDS}); fewer than ten are too few for a performance_ratio",
    )
    parser.add_argument(
        "--seed", type=int, help="what data, order and intervals follow from (default: by lot)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where results go, each run in a folder of its own; earlier ones there are shown beside it "
        f"(default: the suite's own where it is set up, else {OUTPUT})",
    )
    parser.add_argument(
        "--i-mean-it",
        action="store_true",
        help="also where an archive holds studies that no benchmark has made",
    )
    parser.add_argument(
        "--clean",
        action="store_true",
        help="measure nothing: remove from both archives whatever a benchmark has left there",
    )
    parser.add_argument(
        "--orthanc", metavar="URL", help="root of Orthanc's REST API (default: that of the settings)"
    )
    parser.add_argument(
        "--dcm4chee",
        metavar="URL",
        help="root of DCM4CHEE's DICOMweb, which ends in /dcm4chee-arc/aets/AET/rs (default: that of the "
        "settings)",
    )
    parser.add_argument(
        "--dcm4chee-dicom",
        type=_dicom,
        metavar="AET@HOST:PORT",
        help="where DCM4CHEE takes C-STORE (default: that of the settings; Orthanc tells its own)",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Measure both archives and show a table, or remove what was left in them."""

    def say(text: str) -> None:
        err.write(f"pacs: {printable(text)}\n")
        err.flush()

    try:
        targets, folder = _targets(chosen), _folder(chosen)
        with terminated_as_interrupted():
            return (
                _clean(folder, targets, say) if chosen.clean else _measure(chosen, targets, folder, say, out)
            )
    except (ConfigurationError, BenchmarkRefused) as error:
        say(str(error))
        return USAGE
    except ArchiveError as error:
        say(str(error))
        return USAGE
    except KeyboardInterrupt:
        say("interrupted: nothing was kept.")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the command: a fault is told without what it quotes
        foreseen = isinstance(error, PacsSuiteError | OSError)
        why = reason_of(error) if foreseen else f"{UNKNOWN_FAULT}: {describe_exception(error)}."
        say(f"the archives were not measured: {why}")
        return FAILED


def _measure(
    chosen: argparse.Namespace,
    targets: Mapping[ArchiveName, Target],
    folder: Path,
    say: Callable[[str], None],
    out: TextIO,
) -> int:
    from orthanc_plugins.benchmark.publishing import publish  # noqa: PLC0415 - numpy, for this command alone
    from orthanc_plugins.benchmark.run import Run  # noqa: PLC0415 - likewise

    plan = new_plan(scale=chosen.scale, rounds=chosen.rounds, seed=chosen.seed, questions=chosen.questions)
    with _known(chosen, plan, say) as tell:
        results = Run(plan, targets, folder, say).go(i_mean_it=chosen.i_mean_it)
        content = publish(results, folder)
        tell(results, content)
    _show(content, out)
    out.write(f"\nreport: {folder / plan.run_id / 'report.html'}\n")
    return _ended(results, say)


def _known(
    chosen: argparse.Namespace, plan: Plan, say: Callable[[str], None]
) -> AbstractContextManager[Callable[[Results, Mapping[str, Any]], None]]:
    """Let the suite that is set up here know of the run; where there is none, nobody."""
    if CONFIGURATION_VARIABLE not in os.environ:
        return nullcontext(lambda _results, _content: None)
    from orthanc_plugins.cli.benchmark_record import known_to_suite  # noqa: PLC0415 - where it is set up alone
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - likewise

    url = read_settings().store_url
    return known_to_suite(url, plan, say, meant=chosen.i_mean_it, listed=chosen.out is None)


def _ended(results: Results, say: Callable[[str], None]) -> int:
    for name, facts in results.archives.items():
        if not facts.is_clean:
            left = facts.cleaning or f"{telling.left_there(facts.left_behind or 0)}."
            say(f"{name.value} is not clean: {left} Try again with --clean.")
    return DONE if results.is_clean else FAILED


def _clean(folder: Path, targets: Mapping[ArchiveName, Target], say: Callable[[str], None]) -> int:
    from orthanc_plugins.benchmark.cleaning import clean_all  # noqa: PLC0415 - numpy, for this command alone

    removed = clean_all(folder, targets, say)
    what = telling.counted(removed, "study", "studies")
    say(f"removed {what} that benchmarks have made; none is left.")
    return DONE


def _show(content: Mapping[str, Any], out: TextIO) -> None:
    """Write the table of rows, then memory and disk, then what is to be known beforehand."""
    called = telling.names(content)
    widths = {name: max(_NARROW, len(title)) for name, title in called.items()}
    heads = " ".join(f"{title:>{widths[name]}}" for name, title in called.items())
    out.write(f"{'median':<{_WIDE}} {heads} {'ratio':>7}  interval, or why withheld\n")
    for row in content["rows"]:
        medians = {name: telling.duration(telling.median_ms(row, name)) for name in called}
        cells = " ".join(f"{median:>{widths[name]}}" for name, median in medians.items())
        ratio, interval = row["performance_ratio"], row["ratio_interval"]
        shown = "-" if ratio is None else f"{ratio:.3g}"
        why = row["withheld"] if ratio is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
        out.write(f"{telling.row_title(row):<{_WIDE}} {cells} {shown:>7}  {why}\n")
    out.write(f"{telling.what_the_ratio_is(called)}\n")
    out.writelines(f"{line}\n" for line in telling.memory_and_disk(content))
    out.writelines(f"  note: {printable(text)}\n" for text in telling.cautions(content))


def _targets(chosen: argparse.Namespace) -> Mapping[ArchiveName, Target]:
    """Return both archives, as the command line says or else as the settings do.

    Raises
    ------
    ConfigurationError
        One is not known, or its address cannot be understood.
    """
    targets = dict(_targets_of_settings())
    if chosen.orthanc is not None:
        url, user = split_credentials(chosen.orthanc)
        headers = {} if user is None else basic_authorisation(*user)
        targets[ArchiveName.ORTHANC] = orthanc_target(url, lambda: headers)
    if chosen.dcm4chee is not None:
        url, user = split_credentials(chosen.dcm4chee)
        own = {} if user is None else basic_authorisation(*user)
        targets[ArchiveName.DCM4CHEE] = dcm4chee_target(url, lambda: own, dicom=chosen.dcm4chee_dicom)
    absent = [name.value for name in ArchiveName if name not in targets]
    if absent:
        raise ConfigurationError(
            f"There is no address of {' and '.join(absent)}: give --orthanc URL --dcm4chee URL, or set "
            "Dcm4chee.Url in the settings."
        )
    return {name: targets[name] for name in ArchiveName}


def _targets_of_settings() -> Mapping[ArchiveName, Target]:
    if CONFIGURATION_VARIABLE not in os.environ:
        return {}
    from orthanc_plugins.services import benchmark_targets  # noqa: PLC0415 - where the suite is set up alone
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - likewise

    return benchmark_targets(read_settings())


def _folder(chosen: argparse.Namespace) -> Path:
    """Return where results go."""
    if chosen.out is not None:
        given: Path = chosen.out
        return given
    if CONFIGURATION_VARIABLE not in os.environ:
        return Path(OUTPUT)
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - where the suite is set up alone

    return read_settings().data_directory / OUTPUT


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not LEAST_SCALE <= scale <= 1:
        raise argparse.ArgumentTypeError(f"give a number from {LEAST_SCALE} to 1")
    return scale


def _rounds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"give a whole number from 1 to {MOST_ROUNDS}")
    return int(text)


def _questions(text: str) -> tuple[Question, ...]:
    try:
        return tuple(Question(name.strip()) for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"give some of {', '.join(Question)}") from error


def _dicom(text: str) -> DicomAddress:
    try:
        return parse_dicom_address(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


COMMAND = Command(
    "benchmark",
    "Measure Orthanc and DCM4CHEE alike: upload, query, retrieval, users at once, memory, disk.",
    _EXIT_CODES,
    _add_arguments,
    _run,
)
