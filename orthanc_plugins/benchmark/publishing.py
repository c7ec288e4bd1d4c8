"""Puts the results of a run into its folder: figures, samples, and the report with earlier runs in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.benchmark.history import earlier_runs
from orthanc_plugins.benchmark.report import report_html
from orthanc_plugins.benchmark.results import REPORT_NAME
from orthanc_plugins.rtstruct.export import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.benchmark.results import Results


def publish(results: Results, folder: Path) -> dict[str, Any]:
    """Write the files of a run into a folder named by its run_id; return what ``results.json`` holds.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    content = results.to_json()
    place = folder / results.plan.run_id
    results.write(place)
    write_whole(place / REPORT_NAME, report_html(content, results.samples, earlier_runs(folder, content)))
    return content
