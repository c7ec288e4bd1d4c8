"""Removes the results of a structure set that Orthanc no longer holds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.workflows.comparison_files import remove_comparisons
from orthanc_plugins.workflows.store_objects import remove_objects

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services


class ResultRemoval:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._orthanc = services.orthanc
        self._store = services.store
        self._exports = services.exports

    def remove(self, instance: str) -> dict[str, JsonValue]:
        """Remove the results, unless Orthanc holds the structure set after all."""
        orthanc_id = OrthancId(instance)
        if self._orthanc.has_instance(orthanc_id):
            return {"outcome": "kept"}
        for subject in self._store.subjects(self._store.jobs_of_instance(orthanc_id)).values():
            remove_comparisons(self._exports, subject.sop_instance_uid)
        result = self._store.result_of_instance(orthanc_id)
        if result is not None:
            remove_folder(self._exports, self._exports / result.folder)
            remove_objects(self._orthanc, result.subject.sop_instance_uid)
        self._store.forget_instance(orthanc_id)
        return {"outcome": "removed" if result is not None else "nothing to remove"}


def remove_folder(exports: Path, folder: Path) -> None:
    """Remove a folder of results, and the folders above it that this leaves empty."""
    if folder.exists():
        shutil.rmtree(folder)
    for above in folder.parents:
        if above == exports or (above.exists() and any(above.iterdir())):
            return
        if above.exists():
            above.rmdir()
