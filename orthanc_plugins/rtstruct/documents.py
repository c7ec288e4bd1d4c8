"""What is made of results for people, browsers and other programs, chosen by the same formats as the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.rtstruct.contour_file import CONTOURS_NAME, write_contours
from orthanc_plugins.rtstruct.scene import write_scene

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from orthanc_plugins.rtstruct.contours import StructureSet
    from orthanc_plugins.rtstruct.files import Format
    from orthanc_plugins.rtstruct.results import Results


def write_documents(
    structure_set: StructureSet,
    results: Results,
    folder: Path,
    formats: Collection[Format],
    *,
    created: datetime | None = None,
) -> None:
    """Write the documents that formats ask for: ``contours.json``, ``report.pdf``, ``scene.html``.

    Parameters
    ----------
    folder
        Folder that `extract` wrote to: pictures and meshes are found there by the paths that the results
        name.
    formats
        ``json`` asks for the contours, ``pdf`` for the report, ``html`` for the scene.
    created
        When the results were made, shown in the report; left out when None.

    Raises
    ------
    OSError
        A file that the results name cannot be read, or a document cannot be written.
    """
    if "json" in formats:
        write_contours(structure_set, folder / CONTOURS_NAME)
    if "pdf" in formats:
        from orthanc_plugins.rtstruct.report import write_report  # noqa: PLC0415 - reportlab takes 0.1 s

        write_report(folder, results, created=created)
    if "html" in formats:
        write_scene(folder, results)
