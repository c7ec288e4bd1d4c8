"""Earlier runs: what their ``results.json`` say, to be shown beside the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from orthanc_plugins.benchmark.results import RESULTS_NAME, SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

MOST_RUNS = 30
"""Of these, the newest, are shown."""


def earlier_runs(folder: Path, newest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results of runs that can be compared, oldest first, the newest at the end.

    These are of the same scale and the same archives, asked from a machine of the same kind.

    Parameters
    ----------
    folder
        Each run has a folder of its own below it. What is no result of a run is passed over.
    newest
        The results of the newest run.
    """
    found = {newest["run_id"]: newest}
    for path in folder.glob(f"*/{RESULTS_NAME}"):
        try:
            content = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if _is_comparable(content, newest):
            found.setdefault(content["run_id"], content)
    return sorted(found.values(), key=lambda content: str(content["started"]))[-MOST_RUNS:]


def _is_comparable(content: Any, newest: dict[str, Any]) -> bool:
    return (
        isinstance(content, dict)
        and content.get("schema") == SCHEMA
        and _circumstances(content) == _circumstances(newest)
        and content["started"] <= newest["started"]
    )


def _circumstances(content: dict[str, Any]) -> tuple[Any, ...]:
    machine, archives = content["hardware"], content["archives"].values()
    places = [(facts["address"], facts["stand_in"] is None) for facts in archives]
    return content["scale"], machine["processor"], machine["cores"], places
