"""The results of structure sets: numbers and files."""

import json
import pathlib
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from orthanc_plugins.api.dependencies import (
    STUDY_PATTERN,
    UID_PATTERN,
    Joined,
    PageParameters,
    Parameters,
    SeriesUidPath,
    study_uid_of,
)
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.identifiers import SeriesUid
from orthanc_plugins.services import Services
from orthanc_plugins.store import ResultRecord

router = APIRouter(prefix="/rtstruct", tags=["structure sets"])

RegionNumber = Annotated[int, Path(ge=0, description="ROI Number (3006,0022).")]

_WHOLE_FILES = {
    "results.json": ("results.json", "application/json"),
    "contours.json": ("contours.json", "application/json"),
    "labels.nii.gz": ("masks/labels.nii.gz", "application/gzip"),
    "overview.png": ("previews/overview.png", "image/png"),
    "dvh.png": ("dose/dvh.png", "image/png"),
    "report.pdf": ("report.pdf", "application/pdf"),
    "scene.html": ("scene.html", "text/html"),
}
"""Name in the route to path below the folder of the results, and media type."""
_REGION_FILES = {
    "mask.nii.gz": ("mask_path", "application/gzip"),
    "partial.nii.gz": ("partial_path", "application/gzip"),
    "mesh.stl": ("stl_path", "model/stl"),
    "mesh.obj": ("obj_path", "model/obj"),
    "mesh.ply": ("ply_path", "application/x-ply"),
    "mesh.glb": ("glb_path", "model/gltf-binary"),
    "preview.png": ("preview_path", "image/png"),
    "dvh.json": ("dvh_path", "application/json"),
}
"""Name in the route to key in ``results.json``, and media type."""
_CURVES = "dvh.png"
_NO_DOSE = (
    "There are no histograms: no RT Dose of this structure set's frame of reference is there, or none that "
    "could be used. Results are made anew once one has come."
)
_NAMING_CHARACTERS = 12
"""How much of the end of a SOP Instance UID names downloads; the sets of a series mostly differ there."""
_SHOWN_BY_BROWSERS = frozenset({"application/json", "application/pdf", "image/png", "text/html"})


class Choice(Parameters):
    """Which structure set of a series is meant."""

    sop_instance_uid: str | None = Field(
        default=None,
        pattern=UID_PATTERN,
        description="Which structure set of the series; the newest when not given.",
    )


Chosen = Annotated[Choice, Query()]


class ResultFilter(PageParameters):
    """Which results to list."""

    study: str | None = Field(
        default=None,
        pattern=STUDY_PATTERN,
        description="Only those of this study, by UID or Orthanc identifier.",
    )
    series: str | None = Field(
        default=None, pattern=UID_PATTERN, description="Only those of this series of structure sets."
    )


class ResultSummary(BaseModel):
    """A structure set that has results; time is UTC."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    regions: int
    regions_with_problems: int
    created_at: datetime
    href: str = Field(description="Address of the results: an absolute path on the host asked.")
    viewer_url: str


class ResultPage(BaseModel):
    """A page of results, newest first."""

    results: list[ResultSummary]
    limit: int
    offset: int


class OtherStructureSet(BaseModel):
    """Another structure set of the same series, and where its results are."""

    sop_instance_uid: str
    created_at: datetime
    href: str


class StructureResults(BaseModel):
    """The results of one structure set and where its files are."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    job_id: str
    created_at: datetime
    folder: str = Field(description="Relative to the exports directory.")
    viewer_url: str
    files: dict[str, str] = Field(description="Address of each file: an absolute path on the host asked.")
    results: dict[str, Any] = Field(description="The content of results.json.")
    other_structure_sets: list[OtherStructureSet] = Field(
        description="The other structure sets of the series that have results, newest first."
    )


@router.get("", summary="List results")
def list_results(services: Joined, links: Linked, wanted: Annotated[ResultFilter, Query()]) -> ResultPage:
    """List the structure sets that have results, newest first."""
    found = services.store.results(
        study_uid=None if wanted.study is None else study_uid_of(services, wanted.study),
        series_uid=None if wanted.series is None else SeriesUid(wanted.series),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    summaries = [
        ResultSummary(
            study_uid=result.subject.study_uid,
            series_uid=result.subject.series_uid,
            sop_instance_uid=result.subject.sop_instance_uid,
            regions=result.regions,
            regions_with_problems=result.regions_with_problems,
            created_at=result.created_at,
            href=links.results(result.subject),
            viewer_url=services.viewer_link(result.subject.study_uid),
        )
        for result in found
    ]
    return ResultPage(results=summaries, limit=wanted.limit, offset=wanted.offset)


@router.get("/{series_uid}", summary="Show results")
def show_results(
    services: Joined, links: Linked, series_uid: SeriesUidPath, chosen: Chosen
) -> StructureResults:
    """Show the results of the newest structure set of a series, or of the one asked for."""
    of_series = services.store.results(series_uid=SeriesUid(series_uid))
    result = _chosen(of_series, chosen)
    content = results_content(services, result)
    return StructureResults(
        study_uid=result.subject.study_uid,
        series_uid=result.subject.series_uid,
        sop_instance_uid=result.subject.sop_instance_uid,
        job_id=result.job_id,
        created_at=result.created_at,
        folder=result.folder,
        viewer_url=services.viewer_link(result.subject.study_uid),
        files=_addresses(services, links, result, content),
        results=content,
        other_structure_sets=[
            OtherStructureSet(
                sop_instance_uid=other.subject.sop_instance_uid,
                created_at=other.created_at,
                href=links.results(other.subject),
            )
            for other in of_series
            if other.subject.sop_instance_uid != result.subject.sop_instance_uid
        ],
    )


@router.get(
    "/{series_uid}/results.zip",
    summary="Download all files",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
def all_files(services: Joined, series_uid: SeriesUidPath, chosen: Chosen) -> StreamingResponse:
    """Download all files of a structure set's results, in a folder named after it."""
    result = result_of_series(services, series_uid, chosen)
    results_content(services, result)
    folder, name = _folder(services, result), download_name(result)
    stream = ZipStream(compress_type=ZIP_STORED, sized=False)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            packed = path.suffix in {".gz", ".png", ".pdf"}
            stream.add_path(
                path,
                f"{name}/{path.relative_to(folder).as_posix()}",
                compress_type=ZIP_STORED if packed else ZIP_DEFLATED,
            )
    return StreamingResponse(
        stream,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
    )


@router.get(
    "/{series_uid}/{name}",
    summary="Download a file",
    response_class=FileResponse,
    responses={200: {"content": {media_type: {} for _, media_type in _WHOLE_FILES.values()}}},
)
def whole_file(
    services: Joined,
    series_uid: SeriesUidPath,
    name: Annotated[str, Path(description="One of " + ", ".join(_WHOLE_FILES) + ".")],
    chosen: Chosen,
) -> FileResponse:
    """Download a file about the whole structure set."""
    if name not in _WHOLE_FILES:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no such file; there are {', '.join(_WHOLE_FILES)}.")
    path, media_type = _WHOLE_FILES[name]
    result = result_of_series(services, series_uid, chosen)
    if name == _CURVES and not results_content(services, result).get("doses"):
        raise Problem(HTTPStatus.NOT_FOUND, _NO_DOSE)
    return _file(services, result, path, media_type)


@router.get(
    "/{series_uid}/regions/{number}/{name}",
    summary="Download a region's file",
    response_class=FileResponse,
    responses={200: {"content": {media_type: {} for _, media_type in _REGION_FILES.values()}}},
)
def region_file(
    services: Joined,
    series_uid: SeriesUidPath,
    number: RegionNumber,
    name: Annotated[str, Path(description="One of " + ", ".join(_REGION_FILES) + ".")],
    chosen: Chosen,
) -> FileResponse:
    """Download a file about one region."""
    if name not in _REGION_FILES:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no such file; there are {', '.join(_REGION_FILES)}.")
    key, media_type = _REGION_FILES[name]
    result = result_of_series(services, series_uid, chosen)
    content = results_content(services, result)
    regions = [region for region in content["regions"] if region["number"] == number]
    if not regions:
        raise Problem(HTTPStatus.NOT_FOUND, f"The structure set has no region {number}.")
    relative = regions[0].get(key)
    if relative is None and key == "dvh_path" and not content.get("doses"):
        raise Problem(HTTPStatus.NOT_FOUND, _NO_DOSE)
    if relative is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"Region {number} has no such file; its state is {regions[0]['state']}: see results.json.",
        )
    return _file(services, result, relative, media_type)


def result_of_series(services: Services, series_uid: str, chosen: Choice) -> ResultRecord:
    """Return the results of the structure set of a series that is meant; 404 when there are none."""
    return _chosen(services.store.results(series_uid=SeriesUid(series_uid)), chosen)


def _chosen(of_series: Sequence[ResultRecord], chosen: Choice) -> ResultRecord:
    for result in of_series:
        if chosen.sop_instance_uid in {None, result.subject.sop_instance_uid}:
            return result
    raise Problem(
        HTTPStatus.NOT_FOUND,
        "There are no results of this structure set. See GET /api/jobs for how its processing "
        "stands, or ask for it with POST /api/process.",
    )


def _folder(services: Services, result: ResultRecord) -> pathlib.Path:
    return services.exports / result.folder


def results_content(services: Services, result: ResultRecord) -> dict[str, Any]:
    """Return the content of ``results.json``; 404 when the files are gone."""
    path = _folder(services, result) / "results.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "The files of these results are gone from the exports directory: retry the job.",
        ) from error
    return content


def _addresses(
    services: Services, links: Links, result: ResultRecord, content: dict[str, Any]
) -> dict[str, str]:
    folder = _folder(services, result)
    names = [name for name, (path, _) in _WHOLE_FILES.items() if (folder / path).is_file()]
    addresses = {name: links.file(result.subject, name) for name in [*names, "results.zip", "regions.csv"]}
    for region in content["regions"]:
        number = region["number"]
        for name, (key, _) in _REGION_FILES.items():
            if region.get(key) is not None:
                addresses[f"{number}/{name}"] = links.region_file(result.subject, number, name)
    return addresses


def download_name(result: ResultRecord) -> str:
    """Return what downloads of a structure set are called: told apart by the end of its SOP Instance UID."""
    return f"rtstruct_{result.subject.sop_instance_uid[-_NAMING_CHARACTERS:].strip('.')}"


def _file(services: Services, result: ResultRecord, relative: str, media_type: str) -> FileResponse:
    """Answer a file under the name it has in the exports directory, behind that of its structure set."""
    path = _folder(services, result) / relative
    if not path.is_file():
        raise Problem(HTTPStatus.NOT_FOUND, "The file was not made, or is gone from the exports directory.")
    return FileResponse(
        path,
        media_type=media_type,
        filename=f"{download_name(result)}_{path.name}",
        content_disposition_type="inline" if media_type in _SHOWN_BY_BROWSERS else "attachment",
    )
