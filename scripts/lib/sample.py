"""Runs the main job once: a synthetic case goes to Orthanc by C-STORE, and the results are shown.

The case is a phantom with regions of known volumes (``tests.builders``), so what is measured stands
beside what is true. Nothing is sent when the results are there already.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.health import get_json, show
from scripts.lib.render import this_deployment
from scripts.lib.signing_in import signed_in
from tests.builders import ImageFrame, build_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scripts.lib.render import Deployment
    from tests.builders import Case, Truth

STORESCU = "/usr/bin/storescu"
"""DCMTK's; pynetdicom has another program of that name, which the path may find first."""

_SLICES, _MATRIX, _WIDTH_MM, _GAP_MM = 60, 512, 400.0, 3.0
_LONGEST_WAIT_S = 180.0
_PAUSE_S = 0.2
_FILES = ("mask_path", "stl_path", "preview_path")
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class SampleFailedError(Exception):
    """The sample case did not give results; the text says where it stopped."""


def sample_case() -> Case:
    """Return the case: sixty CT images and a structure set of ten regions."""
    spacing_mm = (_WIDTH_MM / _MATRIX,) * 2
    frame = ImageFrame(size=(_SLICES, _MATRIX, _MATRIX), spacing_mm=spacing_mm, gap_mm=_GAP_MM)
    return build_case(frame=frame.positioned("HFS"), regions=10, noise=12.0)


def process(case: Case, deployment: Deployment) -> float | None:
    """Return the seconds from the last image sent to the finished job; None when it was done before.

    Raises
    ------
    SampleFailedError
        Orthanc did not take the files, or the job did not succeed.
    """
    if _results(case, deployment) is not None:
        return None
    with tempfile.TemporaryDirectory(dir=deployment.data, prefix="sample-") as folder:
        case.write(Path(folder))
        send(Path(folder), deployment.ports.dicom)
    sent = time.monotonic()
    _wait_for_job(case, deployment, sent + _LONGEST_WAIT_S)
    return time.monotonic() - sent


def send(folder: Path, port: int) -> None:
    """Send the files below a folder to Orthanc by C-STORE; SampleFailedError when that fails."""
    command = [STORESCU, "--required", "--scan-directories", "--recurse"]
    command += ["--aetitle", "SAMPLE", "--call", "ORTHANC", "127.0.0.1", str(port), str(folder)]
    sent = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603 - fixed arguments
    if sent.returncode:
        raise SampleFailedError(
            f"storescu could not send the sample case to port {port}:\n{sent.stderr.strip()}"
        )


def _wait_for_job(case: Case, deployment: Deployment, end: float) -> None:
    job: Mapping[str, Any] | None = None
    while time.monotonic() < end:
        job = _job(case, deployment)
        if job is not None and job["state"] in _ENDED:
            break
        time.sleep(_PAUSE_S)
    if job is None:
        raise SampleFailedError("The sample case was stored, but no job came of it: see scripts/logs.")
    if job["state"] != "succeeded":
        reason = (job.get("error") or {}).get("message", "no reason given")
        raise SampleFailedError(f"The job {job['job_id']} is {job['state']}: {reason}. See scripts/logs.")


def _job(case: Case, deployment: Deployment) -> Mapping[str, Any] | None:
    path = f"/api/jobs?study={case.structure_set.StudyInstanceUID}"
    for job in get_json(deployment.ports.front, path, signed_in(deployment))["jobs"]:
        if job["sop_instance_uid"] == case.structure_set.SOPInstanceUID:
            return dict(job)
    return None


def _results(case: Case, deployment: Deployment) -> Mapping[str, Any] | None:
    path = f"/api/rtstruct/{case.structure_set.SeriesInstanceUID}"
    try:
        return dict(get_json(deployment.ports.front, path, signed_in(deployment)))
    except OSError:
        return None


def table(truth: Mapping[str, Truth], results: Mapping[str, Any]) -> Iterable[str]:
    """Yield the lines of the table of regions: what is true, what was measured, what was made."""
    layout = "  {:<14}{:>11}{:>13}{:>13}   {}"
    yield layout.format("region", "true cc", "measured cc", "surface cm²", "files")
    for region in results["regions"]:
        files = [region[key] for key in _FILES if region.get(key)]
        numbers = (truth[region["name"]].volume_ml, region.get("volume_cc"), region.get("surface_cm2"))
        shown = ("-" if number is None else f"{number:.2f}" for number in numbers)
        yield layout.format(region["name"], *shown, _brief(files) or region["state"])


def _brief(paths: list[str]) -> str:
    """Return the names of files of one stem: the stem once, then each ending."""
    endings = [Path(path).name.partition(".")[2] for path in paths]
    return " .".join([Path(paths[0]).name, *endings[1:]]) if paths else ""


def main() -> int:
    """Process the sample case and print what came out."""
    deployment = this_deployment()
    case = sample_case()
    show(["", f"Sample case: {len(case.images)} CT images and a structure set of {len(case.truth)} regions"])
    try:
        seconds = process(case, deployment)
    except (SampleFailedError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    answer = _results(case, deployment)
    if answer is None:
        sys.stderr.write("error: the job succeeded, but its results cannot be read: see scripts/logs.\n")
        return 1
    how = "was done before" if seconds is None else f"done {seconds:.1f} s after the last file was sent"
    show([f"  {how}", *table(case.truth, answer["results"]), ""])
    show([f"  this study in OHIF     {answer['viewer_url']}"])
    show([f"  its files              {deployment.data / 'exports' / answer['folder']}"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
