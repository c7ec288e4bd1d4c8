"""``pacs rtstruct INPUT… OUTPUT``: structure sets, from files or from Orthanc, to masks, meshes and measures.

Modules: `options` (the words of the command), `plan` (which sets there are, and where their results go),
`orthanc_address`, `sources` (where sets come from), `set_work` (one set, whole or not at all), `set_folder`
(what its folder holds), `run` (all of them), `progress`, `tally`, `table` and `summary` (what is told).

Decisions
---------
2026-11-21  A set is done when its ``results.json``, moved to its place last, holds the fingerprint of what is
            asked: the file's bytes, the images' UIDs, options and the engine's source. There is no other
            record that could disagree with the files.
2026-11-21  Many sets are worked on in processes, one set each; a single set by threads, region by region.
2026-11-21  No library draws the progress: it is one line.
2026-11-21  A set's results are in a folder named by its SOP Instance UID also where it is the only one:
            results of two sets, or of two ways to ask for one, never lie in the same folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import FAILED, INTERRUPTED, UNKNOWN_FAULT, USAGE, Command
from orthanc_plugins.cli.rtstruct.options import add_arguments, options_of
from orthanc_plugins.cli.rtstruct.orthanc_address import is_address, parse_address
from orthanc_plugins.cli.rtstruct.plan import check_inputs, make_plan
from orthanc_plugins.cli.rtstruct.progress import Progress
from orthanc_plugins.cli.rtstruct.run import Run
from orthanc_plugins.cli.rtstruct.summary import RUN_NAME
from orthanc_plugins.errors import ArchiveError, ConfigurationError
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    import argparse

__all__ = ["COMMAND"]

_MOST_NAMED = 5

_EXIT_CODES = (
    "Exit codes: 0 every structure set was done, and what is odd about it was told, or it has none of the "
    "--regions, which was told; 1 a structure set failed, or OUTPUT cannot be written to, the rest was done; "
    "2 nothing was done: the command was not understood, an input is not there, Orthanc does not answer or "
    "refuses, there is no structure set, none has any of the --regions, or another run writes to OUTPUT; "
    "130 interrupted, what was done is kept."
)


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Extract every structure set among the inputs; one that fails does not stop the others."""
    progress = Progress(err, chosen.quiet, live=err.isatty())
    try:
        check_inputs(chosen.inputs, chosen.output)
        plan = make_plan(
            chosen.inputs,
            chosen.output,
            progress.searched,
            allow_other_frame=chosen.allow_other_frame,
        )
        if not plan.sets:
            which = _first_of(plan.found.unreadable)
            progress.say(f"pacs: no RT Structure Set among the inputs: {plan.counted}{which}.", always=True)
            return USAGE
        progress.say(f"{plan.counted}{f', see {RUN_NAME}' if plan.found.unreadable else ''}")
        run = Run(plan, chosen.output, options_of(chosen), progress, again=chosen.again, jobs=chosen.jobs)
        files = {"unreadable": plan.found.unreadable}
        return run.go({"inputs": _shown(chosen.inputs), "found": plan.counted, "files": files}, out)
    except (ConfigurationError, ArchiveError) as error:
        progress.say(f"pacs: {error}", always=True)
        return USAGE
    except OSError as error:
        progress.say(f"pacs: failed: {chosen.output} cannot be written to: {error.strerror}.", always=True)
        return FAILED
    except KeyboardInterrupt:
        progress.say("pacs: interrupted before anything was done.", always=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge of the command: what a fault quotes may be a patient's
        progress.say(f"pacs: failed: {UNKNOWN_FAULT}: {describe_exception(error)}.", always=True)
        return FAILED


def _first_of(unreadable: list[str]) -> str:
    """Return the first files that cannot be read, in brackets: where nothing is done no file tells them."""
    more = ["…"] if len(unreadable) > _MOST_NAMED else []
    return f" ({', '.join(unreadable[:_MOST_NAMED] + more)})" if unreadable else ""


def _shown(inputs: list[str]) -> list[str]:
    """Return the inputs as a file may hold them: an address without user and password."""
    return [str(parse_address(text)) if is_address(text) else text for text in inputs]


COMMAND = Command(
    "rtstruct",
    "Extract masks, meshes, measures and pictures from RT Structure Sets.",
    _EXIT_CODES,
    add_arguments,
    _run,
)
