"""Write masks as NIfTI-1, compressed in one pass, some slices at a time.

C order [k][j][i] is NIfTI's own order with i fastest, so nothing is transposed. The stream is one gzip member
with no time in it (some readers stop after the first member, and equal masks give equal bytes).
Where an axis is too long for NIfTI-1 it is NIfTI-2, which fewer programs read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib

from orthanc_plugins.rtstruct.geometry.raster import box_slices
from orthanc_plugins.rtstruct.labels import larger_first, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.raster import Box, RegionMask
    from orthanc_plugins.rtstruct.labels import NumberedMask

_HEADER = struct.Struct("<i10s18sihcB8h3f4h11fhBB4f2i80s24s2h6f12f16s4s4s")
_HEADER_2 = struct.Struct("<i8s2h8q3d8dq6d2q80s24s2i6d12d3i16sc15s4s")
_LONGEST_1 = 2**15 - 1
"""Voxels along an axis that a NIfTI-1 file can tell (its ``dim`` is of 16 bits)."""
_DATA_TYPES = {np.dtype(np.uint8): 2, np.dtype(np.uint16): 512}
_BLOCK_BYTES = 2**21
_ZEROS = bytes(2**20)
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_MILLIMETRES = 2
_SCANNER = 1
_ORTHOGONAL = 1e-4

type _Part = Callable[[int, int], NDArray[np.uint8] | NDArray[np.bool_]]
"""Gives some slices, first to stop, of a box."""


def mask_nifti(mask: RegionMask, grid: VoxelGrid) -> bytes:
    """Return a region's mask as the bytes of a ``.nii.gz`` (one gzip member).

    Parameters
    ----------
    mask
        As `rasterise` makes it on this grid; it may be empty.
    grid
        Its whole extent is written: as NIfTI-1, or as NIfTI-2 where an axis is longer than 32,767.

    Returns
    -------
    content
        uint8, 1 inside and 0 outside. Readers show axes (columns, rows, slices) and the affine that takes
        these indices to RAS mm (``grid.affine_ras``), in sform, and in qform where axes are perpendicular.
        Equal masks give equal bytes.
    """
    return _on_grid(mask.offset, mask.shape, mask.part, grid)


def box_nifti(box: NDArray[np.uint8], offset: Box, grid: VoxelGrid, slope: float) -> bytes:
    """Return a box (slices, rows, columns) as ``.nii.gz`` on the whole grid, zero outside the box.

    ``offset`` is (k, j, i) of the box's first voxel. Readers multiply what is stored by ``slope``.
    """
    slices, rows, columns = box.shape
    return _on_grid(offset, (slices, rows, columns), lambda first, stop: box[first:stop], grid, slope)


def _on_grid(
    offset: Box,
    shape: Box,
    part: _Part,
    grid: VoxelGrid,
    slope: float = 1.0,
) -> bytes:
    """Return a box that is given by some of its slices at a time, zero elsewhere on the grid."""
    slices, rows, columns = grid.shape
    k = box_slices(offset, shape)[0]
    stream = _Gzip(header(grid, np.dtype(np.uint8), slope))
    stream.write_zeros(k.start * rows * columns)
    write = _write_slices if rows * columns <= _BLOCK_BYTES else _write_rows
    write(stream, offset, shape, part, grid)
    stream.write_zeros((slices - k.stop) * rows * columns)
    return stream.finish()


def _write_slices(stream: _Gzip, offset: Box, shape: Box, part: _Part, grid: VoxelGrid) -> None:
    """Add the slices that a box lies on, some at a time."""
    _, rows, columns = grid.shape
    _, j, i = box_slices(offset, shape)
    block = np.zeros((_at_once(grid), rows, columns), dtype=np.uint8)
    for first in range(0, shape[0], len(block)):
        stop = min(first + len(block), shape[0])
        block[: stop - first, j, i] = part(first, stop)
        stream.write(block[: stop - first])


def _write_rows(stream: _Gzip, offset: Box, shape: Box, part: _Part, grid: VoxelGrid) -> None:
    """Add the slices that a box lies on where one of them is larger than a block: some rows at a time."""
    _, rows, columns = grid.shape
    _, j, i = box_slices(offset, shape)
    block = np.zeros((max(1, _BLOCK_BYTES // columns), columns), dtype=np.uint8)
    for place in range(shape[0]):
        stream.write_zeros(j.start * columns)
        (plane,) = part(place, place + 1)
        for first in range(0, shape[1], len(block)):
            stop = min(first + len(block), shape[1])
            block[: stop - first, i] = plane[first:stop]
            stream.write(block[: stop - first])
        stream.write_zeros((rows - j.stop) * columns)


def labels_nifti(labels: Sequence[NumberedMask], grid: VoxelGrid) -> bytes:
    """Return several masks as one ``.nii.gz`` of their labels, by `LABEL_RULE` where they overlap.

    uint8 where all labels fit, else uint16; 0 is outside of all.
    """
    slices, rows, columns = grid.shape
    kind = np.min_scalar_type(max(value for value, _ in labels))
    ordered = larger_first(labels)
    stream = _Gzip(header(grid, kind))
    for first in range(0, slices, _at_once(grid)):
        stop = min(first + _at_once(grid), slices)
        block = np.zeros((stop - first, rows, columns), dtype=kind)
        paint(block, ordered, first)
        stream.write(block)
    return stream.finish()


def _at_once(grid: VoxelGrid) -> int:
    """Return how many slices are made at a time: enough to be quick, few enough to stay in the cache."""
    _, rows, columns = grid.shape
    return max(1, _BLOCK_BYTES // (rows * columns))


class _Gzip:
    """A gzip member (RFC 1952) without a time in it."""

    def __init__(self, head: bytes) -> None:
        self._deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        self._parts = [_GZIP_HEAD]
        self._checksum = 0
        self._size = 0
        self._add(head)

    def write(self, voxels: NDArray[Any]) -> None:
        """Add voxels that follow one another in memory."""
        self._add(memoryview(voxels).cast("B"))

    def write_zeros(self, count: int) -> None:
        """Add so many bytes of zero."""
        for begin in range(0, count, len(_ZEROS)):
            self._add(memoryview(_ZEROS)[: count - begin])

    def finish(self) -> bytes:
        """Return the whole."""
        trailer = struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF)
        return b"".join((*self._parts, self._deflate.flush(), trailer))

    def _add(self, content: bytes | memoryview) -> None:
        self._checksum = isal_zlib.crc32(content, self._checksum)
        self._size += len(content)
        self._parts.append(self._deflate.compress(content))


def header(grid: VoxelGrid, data_type: np.dtype[np.uint8] | np.dtype[np.uint16], slope: float = 1.0) -> bytes:
    """Return what stands before the voxels: sform always, qform too where the axes are perpendicular.

    A stored value times ``slope`` is the value meant. These are 352 bytes of NIfTI-1, 544 of NIfTI-2.
    """
    slices, rows, columns = grid.shape
    affine = grid.affine_ras
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    quaternion, factor, is_rotation = _quaternion(affine[:3, :3] / sizes)
    if needs_nifti_2(grid):
        return _HEADER_2.pack(
            540, b"n+2\0\r\n\x1a\n",
            _DATA_TYPES[np.dtype(data_type)], 8 * data_type.itemsize,
            3, columns, rows, slices, 1, 1, 1, 1,
            0.0, 0.0, 0.0,
            factor, *sizes.tolist(), 0.0, 0.0, 0.0, 0.0, 544, slope, 0.0,
            0.0, 0.0, 0.0, 0.0,
            0, 0, b"", b"",
            _SCANNER if is_rotation else 0, _SCANNER,
            *quaternion, *affine[:3, 3].tolist(),
            *affine[0].tolist(), *affine[1].tolist(), *affine[2].tolist(),
            0, _MILLIMETRES, 0, b"", b"\0", b"", b"",
        )  # fmt: skip
    return _HEADER.pack(
        348, b"", b"", 0, 0, b"r", 0,
        3, columns, rows, slices, 1, 1, 1, 1,
        0.0, 0.0, 0.0,
        0, _DATA_TYPES[np.dtype(data_type)], 8 * data_type.itemsize, 0,
        factor, *sizes.tolist(), 0.0, 0.0, 0.0, 0.0, 352.0, _single(slope), 0.0,
        0, 0, _MILLIMETRES,
        0.0, 0.0, 0.0, 0.0,
        0, 0, b"", b"",
        _SCANNER if is_rotation else 0, _SCANNER,
        *quaternion, *affine[:3, 3].tolist(),
        *affine[0].tolist(), *affine[1].tolist(), *affine[2].tolist(),
        b"", b"n+1\0", b"",
    )  # fmt: skip


def _single(slope: float) -> float:
    """Return the nearest 32-bit number that is no larger: the largest share is then no more than a whole."""
    single = np.float32(slope)
    return float(single if float(single) <= slope else np.nextafter(single, np.float32(0)))


def needs_nifti_2(grid: VoxelGrid) -> bool:
    """Return whether an axis is longer than NIfTI-1 can tell."""
    return max(grid.shape) > _LONGEST_1


def _quaternion(axes: NDArray[np.float64]) -> tuple[tuple[float, float, float], float, bool]:
    """Return quaternion b, c, d, the factor of the third axis, and whether axes are perpendicular at all.

    A tilted gantry shears the slices; a quaternion cannot say that, so qform is then switched off.
    """
    factor = -1.0 if np.linalg.det(axes) < 0 else 1.0
    m = axes * (1.0, 1.0, factor)
    if float(np.abs(m.T @ m - np.eye(3)).max()) > _ORTHOGONAL:
        return (0.0, 0.0, 0.0), 1.0, False
    trace = float(np.trace(m))
    symmetric = np.array([
        [2 * m[0, 0] - trace, m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
        [0, 2 * m[1, 1] - trace, m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
        [0, 0, 2 * m[2, 2] - trace, m[1, 0] - m[0, 1]],
        [0, 0, 0, trace],
    ])  # fmt: skip
    _, vectors = np.linalg.eigh(symmetric, UPLO="U")
    b, c, d, a = vectors[:, -1]
    sign = -1.0 if a < 0 else 1.0
    return (float(b * sign), float(c * sign), float(d * sign)), factor, True
