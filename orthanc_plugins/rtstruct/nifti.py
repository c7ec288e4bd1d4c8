"""Write masks as NIfTI-1, compressed in one pass, slice by slice.

C order [k][j][i] is NIfTI's own order with i fastest, so nothing is transposed. The stream is one gzip member
with no time in it (some readers stop after the first member, and equal masks give equal bytes).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask

_HEADER = struct.Struct("<i10s18sihcB8h3f4h11fhBB4f2i80s24s2h6f12f16s4s4s")
_DATA_TYPES = {np.dtype(np.uint8): 2, np.dtype(np.uint16): 512}
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_MILLIMETRES = 2
_SCANNER = 1
_ORTHOGONAL = 1e-4


def mask_nifti(mask: RegionMask, grid: VoxelGrid) -> bytes:
    """Return a region's mask as ``.nii.gz``: uint8, 1 inside, on the whole grid, RAS affine in the header."""
    slices, rows, columns = grid.shape
    k, j, i = mask.slices
    empty = bytes(rows * columns)
    plane = np.zeros((rows, columns), dtype=np.uint8)

    def planes() -> Iterator[bytes | NDArray[np.uint8]]:
        for index in range(slices):
            if k.start <= index < k.stop:
                plane[j, i] = mask.plane(index - k.start)
                yield plane
            else:
                yield empty

    return _gzip(header(grid, np.dtype(np.uint8)), planes())


def labels_nifti(masks: Sequence[RegionMask], labels: Sequence[int], grid: VoxelGrid) -> bytes:
    """Return several masks as one ``.nii.gz`` of their labels, later ones over earlier ones.

    uint8 where all labels fit, else uint16; 0 is outside of all.
    """
    slices, rows, columns = grid.shape
    kind = np.min_scalar_type(max(labels))

    def planes() -> Iterator[NDArray[np.uint8] | NDArray[np.uint16]]:
        for index in range(slices):
            plane = np.zeros((rows, columns), dtype=kind)
            for mask, label in zip(masks, labels, strict=True):
                k, j, i = mask.slices
                if k.start <= index < k.stop:
                    np.copyto(plane[j, i], label, where=mask.plane(index - k.start))
            yield plane

    return _gzip(header(grid, kind), planes())


def box_nifti(box: NDArray[np.uint8], offset: tuple[int, int, int], grid: VoxelGrid, slope: float) -> bytes:
    """Return a box (slices, rows, columns) as ``.nii.gz`` on the whole grid, zero outside the box.

    ``offset`` is (k, j, i) of the box's first voxel. Readers multiply what is stored by ``slope``.
    """
    slices, rows, columns = grid.shape
    k, j, i = (slice(low, low + size) for low, size in zip(offset, box.shape, strict=True))
    empty = bytes(rows * columns)
    plane = np.zeros((rows, columns), dtype=np.uint8)

    def planes() -> Iterator[bytes | NDArray[np.uint8]]:
        for index in range(slices):
            if k.start <= index < k.stop:
                plane[j, i] = box[index - k.start]
                yield plane
            else:
                yield empty

    return _gzip(header(grid, np.dtype(np.uint8), slope), planes())


def _gzip(head: bytes, planes: Iterable[bytes | NDArray[np.uint8] | NDArray[np.uint16]]) -> bytes:
    deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    checksum = isal_zlib.crc32(head)
    size = len(head)
    parts = [_GZIP_HEAD, deflate.compress(head)]
    for plane in planes:
        view = memoryview(plane).cast("B") if not isinstance(plane, bytes) else plane
        checksum = isal_zlib.crc32(view, checksum)
        size += len(view)
        parts.append(deflate.compress(view))
    parts.extend((deflate.flush(), struct.pack("<II", checksum, size & 0xFFFFFFFF)))
    return b"".join(parts)


def header(grid: VoxelGrid, data_type: np.dtype[np.uint8] | np.dtype[np.uint16], slope: float = 1.0) -> bytes:
    """Return the 352 bytes before the voxels: sform always, qform too where the axes are perpendicular.

    A stored value times ``slope`` is the value meant.
    """
    slices, rows, columns = grid.shape
    affine = grid.affine_ras
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    quaternion, factor, is_rotation = _quaternion(affine[:3, :3] / sizes)
    return _HEADER.pack(
        348, b"", b"", 0, 0, b"r", 0,
        3, columns, rows, slices, 1, 1, 1, 1,
        0.0, 0.0, 0.0,
        0, _DATA_TYPES[np.dtype(data_type)], 8 * data_type.itemsize, 0,
        factor, *sizes.tolist(), 0.0, 0.0, 0.0, 0.0, 352.0, slope, 0.0,
        0, 0, _MILLIMETRES,
        0.0, 0.0, 0.0, 0.0,
        0, 0, b"", b"",
        _SCANNER if is_rotation else 0, _SCANNER,
        *quaternion, *affine[:3, 3].tolist(),
        *affine[0].tolist(), *affine[1].tolist(), *affine[2].tolist(),
        b"", b"n+1\0", b"",
    )  # fmt: skip


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
