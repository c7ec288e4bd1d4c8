"""An image series as the engine sees it: small records of geometry, and pixels on demand.

The geometry may come from Orthanc's index or from files; pixels are read only when something needs them.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.reading.elements import REACH_MM, parse_errors
from orthanc_plugins.rtstruct.reading.headers import frames_of, header_of, read_header
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom
from orthanc_plugins.rtstruct.reading.intact import left_out, refuse_inflated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.headers import Header

MOST_PIXELS = 4096 * 4096
"""An image that announces more is damage: detectors of sectional imaging end at 2048 x 2048."""
MOST_VOXELS = 2**32
"""Places that announce more voxels together are damage: 2,000 images of 1024 x 1024 are half of it."""
_LEAST_SPACING_MM = 1e-4
"""Microscopes see no finer; less than this is damage that overflows in areas."""

type PixelLoader = Callable[[str], NDArray[np.int16] | NDArray[np.float32]]
"""Gives the rescaled intensities (rows, columns) of the image with a SOP Instance UID."""


@dataclass(frozen=True, slots=True, repr=False)
class ImageRecord(Brief):
    """Where one image lies (PS3.3 C.7.6.2).

    Parameters
    ----------
    sop_instance_uid
        SOP Instance UID, by which its pixels are asked for.
    position_lps_mm
        Image Position (Patient): the centre of the first pixel, LPS.
    orientation
        Image Orientation (Patient): direction of a row (towards higher columns), then of a column.
    rows, columns
        Size of the image.
    pixel_spacing_mm
        Pixel Spacing: between rows, then between columns.
    frame_of_reference_uid
        Empty when the image states none.
    thickness_mm
        Slice Thickness; used only where a single image leaves the distance between slices unknown.
    """

    sop_instance_uid: str
    position_lps_mm: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float]
    frame_of_reference_uid: str = ""
    thickness_mm: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ImageSeries(Brief):
    """The images of one series, in any order.

    ``unit`` is that of the rescaled intensities: ``HU``, Units (0054,1001) of PET, or ``arbitrary``.
    ``load_pixels`` is None where pixels cannot be had; statistics and pictures are then left out.
    ``problems`` tells of images of the series that were left out.

    Raises
    ------
    InvalidDicom
        The images announce more than `MOST_VOXELS`; it bounds memory and time before any mask is made.
    """

    images: tuple[ImageRecord, ...]
    series_uid: str = ""
    study_uid: str = ""
    modality: str = "CT"
    unit: str = "HU"
    load_pixels: PixelLoader | None = None
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no series holds; images repeated over time lie in one place."""
        sizes: dict[tuple[float, float, float], int] = {}
        for image in self.images:
            place = image.position_lps_mm
            sizes[place] = max(sizes.get(place, 0), image.rows * image.columns)
        voxels = sum(sizes.values())
        if voxels > MOST_VOXELS:
            raise InvalidDicom(
                f"The images of series {self.series_uid} announce {voxels} voxels: more than {MOST_VOXELS} "
                "are damage. Send them again."
            )

    @property
    def frame_of_reference_uids(self) -> frozenset[str]:
        """Every frame of reference that an image states."""
        return frozenset(image.frame_of_reference_uid for image in self.images) - {""}

    def intensities(self, uids: Sequence[str], threads: int = 2) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the rescaled pixels of images, stacked in the order asked: (images, rows, columns).

        Raises
        ------
        InvalidDicom
            The series came without pixels, or an image's pixels cannot be decoded or are of another size than
            its record says.
        """
        planes, damage = self.readable(uids, threads)
        if damage:
            raise next(iter(damage.values()))
        return planes

    def readable(
        self, uids: Sequence[str], threads: int = 2
    ) -> tuple[NDArray[np.int16] | NDArray[np.float32], dict[int, InvalidDicom]]:
        """Return what `intensities` does of the images that can be read, and what is wrong with the others.

        The others are named by their place in ``uids``; they have no place in the stack.

        Raises
        ------
        InvalidDicom
            The series came without pixels, or no image can be read.
        """
        if self.load_pixels is None:
            raise InvalidDicom("The images were given without their pixels.")
        stacked: NDArray[np.int16] | NDArray[np.float32] = np.empty((0, 0, 0), dtype=np.int16)
        damage: dict[int, InvalidDicom] = {}
        with ThreadPoolExecutor(threads) as pool:
            # Each goes to its place as it comes: held one by one until the last, they would be there twice.
            for asked, plane in enumerate(pool.map(self._plane, uids)):
                place = asked - len(damage)
                if isinstance(plane, InvalidDicom):
                    damage[asked] = plane
                    continue
                if place == 0:
                    stacked = np.empty((len(uids), *plane.shape), dtype=plane.dtype)
                elif plane.dtype != np.int16:
                    stacked = stacked.astype(np.float32, copy=False)
                stacked[place] = plane
        if damage and len(damage) == len(uids):
            raise next(iter(damage.values()))
        return stacked[: len(uids) - len(damage)], damage

    def _plane(self, uid: str) -> NDArray[np.int16] | NDArray[np.float32] | InvalidDicom:
        """Return the pixels of an image, or what is wrong with them."""
        assert self.load_pixels is not None
        try:
            plane = self.load_pixels(uid)
        except InvalidDicom as error:
            return error
        rows, columns = self._sizes[uid]
        if plane.shape == (rows, columns):
            return plane
        found = " x ".join(map(str, plane.shape))
        return InvalidDicom(f"Image {uid} has {found} pixels, but was said to have {rows} x {columns}.")

    @cached_property
    def _sizes(self) -> dict[str, tuple[int, int]]:
        return {image.sop_instance_uid: (image.rows, image.columns) for image in self.images}


def intensity_unit(modality: str, rescale_type: str, units: str) -> str:
    """Return the unit of rescaled intensities; CT without Rescale Type is in HU (PS3.3 C.8.2.1).

    >>> intensity_unit("CT", "", ""), intensity_unit("PT", "", "BQML"), intensity_unit("MR", "", "")
    ('HU', 'BQML', 'arbitrary')
    """
    if modality == "CT":
        return rescale_type if rescale_type not in {"", "US"} else "HU"
    if modality == "PT":
        return units or "arbitrary"
    return "arbitrary"


@dataclass(frozen=True, repr=False)
class FilePixels(Brief):
    """Loads the pixels of images that are files; ``places`` are their paths by SOP Instance UID.

    An object rather than a function, so that a series can be handed to another process.
    """

    places: Mapping[str, str]

    def __call__(self, uid: str) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the rescaled intensities (rows, columns) of one image."""
        return read_pixels(Path(self.places[uid]))


def image_record(header: Header) -> ImageRecord:
    """Return the geometry of one image from its header.

    Raises
    ------
    InvalidDicom
        An element of the image plane (PS3.3 C.7.6.2) is missing or damaged, the image has several frames, or
        it announces more than `MOST_PIXELS`.
    """
    uid = header.get("SOPInstanceUID", "")
    damage = f"Image {uid} has no usable position, orientation, size or pixel spacing."
    if frames_of(header) > 1:
        raise InvalidDicom(
            f"Image {uid} has several frames: multi-frame images are not read yet. Convert it to "
            "single-frame images, and give these."
        )
    try:
        position = _numbers(header["ImagePositionPatient"], 3)
        orientation = _numbers(header["ImageOrientationPatient"], 6)
        spacing = _numbers(header["PixelSpacing"], 2)
        rows, columns = int(header["Rows"]), int(header["Columns"])
    except (KeyError, ValueError) as error:
        raise InvalidDicom(damage) from error
    if min(rows, columns) <= 0 or min(spacing) < _LEAST_SPACING_MM:
        raise InvalidDicom(damage)
    if rows * columns > MOST_PIXELS:
        raise InvalidDicom(
            f"Image {uid} announces {rows} x {columns} pixels: more than {MOST_PIXELS} are damage."
        )
    return ImageRecord(
        uid,
        (position[0], position[1], position[2]),
        (orientation[0], orientation[1], orientation[2], orientation[3], orientation[4], orientation[5]),
        rows,
        columns,
        (spacing[0], spacing[1]),
        header.get("FrameOfReferenceUID", ""),
        _thickness_mm(header),
    )


def _thickness_mm(header: Header) -> float | None:
    """Return Slice Thickness where it is usable; an image can do without."""
    try:
        thickness_mm = float(header.get("SliceThickness", ""))
    except ValueError:
        return None
    return thickness_mm if 0 < thickness_mm < REACH_MM else None


def usable_images(
    headers: Iterable[Header], damage: Sequence[str] = ()
) -> tuple[tuple[ImageRecord, ...], tuple[Problem, ...]]:
    """Return the geometry of the images whose headers can be understood, and a warning of the others.

    ``damage`` is what is wrong with images that have no header.

    Raises
    ------
    InvalidDicom
        There is no image that can be used.
    """
    records, faults = [], list(damage)
    for header in headers:
        try:
            records.append(image_record(header))
        except InvalidDicom as error:
            faults.append(str(error))
    return tuple(records), left_out(faults, len(records))


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(map(float, text.split("\\")))
    if len(numbers) != count or not all(abs(number) < REACH_MM for number in numbers):  # false for NaN too
        raise ValueError("too few or many numbers, or one is not finite or out of reach")
    return numbers


def series_from_datasets(datasets: Sequence[Dataset]) -> ImageSeries:
    """Return a series whose images are data sets in memory.

    Raises
    ------
    InvalidDicom
        There is no data set, or none is an image of one slice.
    """
    held = {str(dataset.SOPInstanceUID): dataset for dataset in datasets}
    headers, damage = [], []
    for dataset in datasets:
        try:
            headers.append(header_of(dataset))
        except InvalidDicom as error:
            damage.append(str(error))
    return _series(headers, lambda uid: rescaled_pixels(held[uid]), damage)


def series_from_files(paths: Iterable[Path]) -> ImageSeries:
    """Return a series whose images are files; only headers are read now.

    Raises
    ------
    InvalidDicom
        There is no file, one is not DICOM, or none is an image of one slice.
    """
    headers = [(str(path), read_header(path)) for path in paths]
    places = {header.get("SOPInstanceUID", ""): path for path, header in headers}
    return _series([header for _, header in headers], FilePixels(places))


def unit_of(header: Header) -> str:
    """Return the unit of the rescaled intensities of an image, see `intensity_unit`."""
    return intensity_unit(header.get("Modality", ""), header.get("RescaleType", ""), header.get("Units", ""))


def _series(headers: Sequence[Header], load_pixels: PixelLoader, damage: Sequence[str] = ()) -> ImageSeries:
    images, problems = usable_images(headers, damage)
    if not images:
        raise InvalidDicom("The series holds no images.")
    first = headers[0]
    return ImageSeries(
        images,
        first.get("SeriesInstanceUID", ""),
        first.get("StudyInstanceUID", ""),
        first.get("Modality", ""),
        unit_of(first),
        load_pixels,
        problems,
    )


def read_pixels(source: Path | bytes) -> NDArray[np.int16] | NDArray[np.float32]:
    """Return the rescaled intensities (rows, columns) of a DICOM file.

    Raises
    ------
    InvalidDicom
        The file is not a DICOM image, or its pixels cannot be decoded.
    """
    import pydicom  # noqa: PLC0415 - masks alone need no pixels

    hush_pydicom()
    try:
        refuse_inflated(source, "image")
        dataset = pydicom.dcmread(io.BytesIO(source) if isinstance(source, bytes) else source)
    except parse_errors(OSError) as error:
        raise InvalidDicom("A file of the series is not DICOM, is damaged, or cannot be read.") from error
    return rescaled_pixels(dataset)


def rescaled_pixels(dataset: Dataset) -> NDArray[np.int16] | NDArray[np.float32]:
    """Return the intensities (rows, columns) after Rescale Slope and Intercept (PS3.3 C.11.1).

    Whole numbers that fit come back as int16, all else as float32.

    Raises
    ------
    InvalidDicom
        The pixels are missing, incomplete, of a compression that cannot be decoded, or not finite numbers.
    """
    uid = str(dataset.get("SOPInstanceUID", ""))
    number = str(dataset.get("InstanceNumber", None) or "unknown")
    hush_pydicom()
    try:
        stored = dataset.pixel_array
        slope = float(dataset.get("RescaleSlope", 1) or 1)
        intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    except parse_errors(RuntimeError) as error:
        raise InvalidDicom(
            f"The pixels of image {uid} (Instance Number {number}) cannot be decoded: they are cut short, "
            f"damaged, or of a compression that is not supported ({type(error).__name__}). Send it again, or "
            "uncompressed."
        ) from error
    if stored.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise InvalidDicom(f"Image {uid} is not a single grey-scale slice.")
    rescaled = _rescaled(stored, slope, intercept)
    if rescaled.dtype == np.float32 and not np.isfinite(rescaled).all():
        raise InvalidDicom(f"Image {uid} holds intensities that are not finite numbers.")
    return rescaled


def _rescaled(
    stored: NDArray[Any], slope: float, intercept: float
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Apply slope and intercept, in int16 where that is exact."""
    limits = np.iinfo(np.int16)
    if slope == 1 and intercept.is_integer() and stored.dtype.kind in "iu":
        low, high = int(stored.min()) + int(intercept), int(stored.max()) + int(intercept)
        if limits.min <= low and high <= limits.max:
            # The sum fits: that its terms may have wrapped around on the way does not matter.
            shifted: NDArray[np.int16] = stored.astype(np.int16)
            shifted += np.array(int(intercept)).astype(np.int16)
            return shifted
    with np.errstate(over="ignore", invalid="ignore"):
        return (stored * slope + intercept).astype(np.float32)
