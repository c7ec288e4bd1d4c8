"""Read RT Dose objects (PS3.3 A.18): where the dose grid lies and what it holds.

Strict throughout: a dose that can be misread is worse than none, so whatever leaves place, scale or unit in
doubt refuses the whole object, with the reason.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_DOSE_STORAGE
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.dose.placement import DosePlacement, read_placement
from orthanc_plugins.rtstruct.reading.elements import code, parse_errors, raw, uid
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom
from orthanc_plugins.rtstruct.reading.intact import refuse_inflated

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from orthanc_plugins.rtstruct.dose.records import Unit
    from orthanc_plugins.rtstruct.reading.contours import Source

MOST_VOXELS = 200_000_000
"""A grid of more voxels than this is damage; it bounds memory before anything is made of it."""
_UNITS: dict[str, Unit] = {"GY": "Gy", "RELATIVE": "relative"}
_LITTLE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_SERIES = 0x0020000E
_FRAME_OF_REFERENCE = 0x00200052
_REFERENCED_INSTANCE = 0x00081155
_DOSE_UNITS = 0x30040002
_DOSE_TYPE = 0x30040004
_SUMMATION_TYPE = 0x3004000A
_GRID_SCALING = 0x3004000E
_SIZES = (16, 32)


@dataclass(frozen=True, eq=False, repr=False)
class Dose(Brief):
    """An RT Dose: stored values on a grid, and how to read them.

    Parameters
    ----------
    sop_instance_uid, series_uid, frame_of_reference_uid
        Its UIDs; empty where absent.
    plan_uid
        SOP Instance UID of the RT Plan it refers to, None when it refers to none.
    summation_type, dose_type
        Dose Summation Type (3004,000A), such as ``PLAN`` or ``BEAM``, and Dose Type (3004,0004).
    unit
        ``Gy``, or ``relative``.
    placement
        Where the grid lies.
    stored
        Shape (frames, rows, columns), unsigned: frames in the order of ``placement.heights_mm``.
    scaling
        Dose Grid Scaling (3004,000E): a stored value times this is the dose.
    maximum
        The largest dose anywhere on the grid, in ``unit``.
    """

    sop_instance_uid: str
    series_uid: str
    frame_of_reference_uid: str
    plan_uid: str | None
    summation_type: str
    dose_type: str
    unit: Unit
    placement: DosePlacement
    stored: NDArray[np.unsignedinteger]
    scaling: float
    maximum: float


def read_dose(source: Source) -> Dose:
    """Return the dose held by a DICOM file.

    Parameters
    ----------
    source
        The file's bytes, its path, or an open binary file.

    Raises
    ------
    InvalidDicom
        The file is no RT Dose with a grid whose place, scale and unit are beyond doubt.
    OSError
        The file cannot be read.
    """
    dataset = _read_dataset(source)
    name = f"RT Dose {uid(dataset, _SOP_INSTANCE)}"
    unit = _UNITS.get(code(dataset, _DOSE_UNITS))
    if unit is None:
        raise InvalidDicom(f"{name} has no Dose Units of GY or RELATIVE: its values mean nothing.")
    kind = code(dataset, _DOSE_TYPE)
    if kind == "ERROR":
        raise InvalidDicom(f"{name} holds the error of a dose (Dose Type ERROR), not a dose.")
    if "PixelData" not in dataset:
        raise InvalidDicom(f"{name} holds no dose grid: export it with its pixel data.")
    scaling = _scaling(dataset, name)
    placement, order = read_placement(dataset, name)
    stored = _pixels(dataset, placement.shape, name)
    if order is not None:
        stored = stored[order]
    return Dose(
        sop_instance_uid=uid(dataset, _SOP_INSTANCE),
        series_uid=uid(dataset, _SERIES),
        frame_of_reference_uid=uid(dataset, _FRAME_OF_REFERENCE),
        plan_uid=_plan_uid(dataset),
        summation_type=code(dataset, _SUMMATION_TYPE),
        dose_type=kind,
        unit=unit,
        placement=placement,
        stored=stored,
        scaling=scaling,
        maximum=float(stored.max()) * scaling,
    )


def _read_dataset(source: Source) -> Dataset:
    if isinstance(source, Path):
        source = source.read_bytes()
    content = source if isinstance(source, bytes) else source.read()
    hush_pydicom()
    try:
        refuse_inflated(content, "RT Dose")
        dataset: Dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        sop_class = uid(dataset, _SOP_CLASS)
    except parse_errors(OSError, RuntimeError) as error:
        raise InvalidDicom(
            "The RT Dose is not DICOM, is damaged, or was cut short. Send it again."
        ) from error
    if sop_class != RT_DOSE_STORAGE:
        raise InvalidDicom(f"The file is not an RT Dose: its SOP Class UID is {sop_class or 'absent'}.")
    return dataset


def _scaling(dataset: Dataset, name: str) -> float:
    try:
        scaling = float(raw(dataset, _GRID_SCALING).strip(b" \0"))
    except ValueError:
        scaling = math.nan
    if not (math.isfinite(scaling) and scaling > 0):
        raise InvalidDicom(f"{name} has no usable Dose Grid Scaling: its values cannot be made doses.")
    return scaling


def _plan_uid(dataset: Dataset) -> str | None:
    try:
        plans = dataset.get("ReferencedRTPlanSequence") or ()
        return next((found for plan in plans if (found := uid(plan, _REFERENCED_INSTANCE))), None)
    except parse_errors(OSError, RuntimeError):
        return None


def _pixels(dataset: Dataset, shape: tuple[int, int, int], name: str) -> NDArray[np.unsignedinteger]:
    """Return the stored values (frames, rows, columns) in the order of the file."""
    try:
        bits, signed = int(dataset.BitsAllocated), bool(dataset.PixelRepresentation)
        samples = int(dataset.get("SamplesPerPixel", 1) or 1)
        syntax = dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)
    except parse_errors(OSError, RuntimeError) as error:
        raise InvalidDicom(f"{name} does not say how its pixels are stored.") from error
    if bits not in _SIZES or samples != 1:
        raise InvalidDicom(
            f"{name} has {bits} bits and {samples} samples a pixel: a dose has 16 or 32 and 1."
        )
    if math.prod(shape) > MOST_VOXELS:
        raise InvalidDicom(f"{name} announces {math.prod(shape)} voxels: more than {MOST_VOXELS} are damage.")
    if syntax not in (*_LITTLE, ExplicitVRBigEndian):
        stored = _decoded(dataset, name)
        if stored.shape != shape and stored.size == math.prod(shape):
            stored = stored.reshape(shape)
    else:
        kind = np.dtype(f"{'>' if syntax == ExplicitVRBigEndian else '<'}{'i' if signed else 'u'}{bits // 8}")
        stored = _plain(dataset.PixelData, shape, kind, name)
    if stored.shape != shape:
        raise InvalidDicom(f"{name} holds {stored.shape} values once unpacked, and announces {shape}.")
    if signed and stored.min() < 0:
        raise InvalidDicom(f"{name} holds negative values: it is a difference, not a dose.")
    return stored


def _plain(
    content: bytes, shape: tuple[int, int, int], kind: np.dtype[np.unsignedinteger], name: str
) -> NDArray[np.unsignedinteger]:
    needed = math.prod(shape) * kind.itemsize
    if len(content) < needed:
        raise InvalidDicom(
            f"{name} is cut short: its grid needs {needed} bytes and {len(content)} are there. Send it again."
        )
    return np.frombuffer(content, dtype=kind, count=math.prod(shape)).reshape(shape)


def _decoded(dataset: Dataset, name: str) -> NDArray[np.unsignedinteger]:
    """Return what a compressed grid holds; one compressed with loss is refused."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.name.upper().find("LOSSLESS") < 0:
        raise InvalidDicom(f"{name} is compressed with loss ({syntax.name}): export it uncompressed.")
    try:
        decoded: NDArray[np.unsignedinteger] = dataset.pixel_array
    except parse_errors(OSError, RuntimeError, MemoryError) as error:
        raise InvalidDicom(
            f"The pixels of {name} cannot be unpacked ({syntax.name}, {type(error).__name__}): "
            "export it uncompressed."
        ) from error
    return decoded
