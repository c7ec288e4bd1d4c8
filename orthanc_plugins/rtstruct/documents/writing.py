"""What is made of results for people, browsers and other programs, chosen by the same formats as the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orthanc_plugins.rtstruct import documents
from orthanc_plugins.rtstruct.faults import Sparing
from orthanc_plugins.rtstruct.files import CONTOURS_NAME, REPORT_NAME, SCENE_NAME
from orthanc_plugins.rtstruct.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path

    from orthanc_plugins.rtstruct.choices import Format
    from orthanc_plugins.rtstruct.documents import DisplayMesh
    from orthanc_plugins.rtstruct.reading.structure_set import StructureSet
    from orthanc_plugins.rtstruct.results import Results
    from orthanc_plugins.rtstruct.work import RegionWork

_THREADS = 2


class Documents:
    """The documents of one extraction, begun while its regions are worked on.

    Parameters
    ----------
    structure_set
        What the results are of.
    folder
        Folder that `extract` writes to: pictures and meshes are found there by the paths that the results
        name.
    formats
        ``json`` asks for the contours, ``pdf`` for the report, ``html`` for the scene.
    """

    def __init__(self, structure_set: StructureSet, folder: Path, formats: Collection[Format]) -> None:
        self._structure_set = structure_set
        self._folder = folder
        self._formats = formats
        self._meshes: dict[str, DisplayMesh] = {}

    def add(self, work: RegionWork) -> None:
        """Take from a region, once its files are written, what would cost time to read from them again.

        May be called by several threads at a time, or not at all: what was not taken is read.
        """
        if "html" not in self._formats or work.surface is None or work.stl_path is None:
            return
        most = documents.most_triangles(sum(bool(region.contours) for region in self._structure_set.regions))
        mesh = documents.display_mesh(work.surface.vertices_lps_mm, work.surface.faces, most)
        if mesh is not None:
            self._meshes[work.stl_path] = mesh

    def write(self, results: Results, *, created: datetime | None = None) -> list[Problem]:
        """Write the documents: ``contours.json``, ``report.pdf``, ``scene.html``.

        Parameters
        ----------
        created
            When the results were made, shown in the report; left out when None.

        Returns
        -------
        problems
            One of each document that could not be made for an unforeseen reason (``not_written``).

        Raises
        ------
        OSError
            A file that the results name cannot be read, or a document cannot be written.
        """
        chosen: dict[str, Callable[[], None]] = {}
        if "pdf" in self._formats:
            chosen[REPORT_NAME] = lambda: documents.write_report(self._folder, results, created=created)
        if "html" in self._formats:
            chosen[SCENE_NAME] = lambda: documents.write_scene(self._folder, results, self._meshes)
        if "json" in self._formats:
            chosen[CONTOURS_NAME] = lambda: documents.write_contours(
                self._structure_set, self._folder / CONTOURS_NAME
            )
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(_problems, chosen, chosen.values()))
        return [problem for problems in found for problem in problems]


def _problems(name: str, write: Callable[[], None]) -> list[Problem]:
    """Write a document and return what went wrong that nobody foresaw."""
    faults: list[str] = []
    with Sparing(name, faults.append):
        write()
    return [Problem("not_written", f"{name} cannot be made ({why}).", "error") for why in faults]


def write_documents(
    structure_set: StructureSet,
    results: Results,
    folder: Path,
    formats: Collection[Format],
    *,
    created: datetime | None = None,
) -> list[Problem]:
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

    Returns
    -------
    problems
        One of each document that could not be made for an unforeseen reason (``not_written``).

    Raises
    ------
    OSError
        A file that the results name cannot be read, or a document cannot be written.
    """
    return Documents(structure_set, folder, formats).write(results, created=created)
