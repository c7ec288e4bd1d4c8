"""How the triangles of a surface hang together: neighbours, closedness, shells and tunnels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sides(faces: NDArray[np.int32], vertices: int) -> csr_array:
    """Return the sides of triangles as a matrix (vertices, vertices) of ones: from vertex, to vertex.

    A side that two triangles run in the same direction is there twice. Made by transposing the matrix of
    faces and vertices, twice more to put each row in order: all in linear time, without a sort.
    """
    following = np.empty_like(faces)
    following[:, :2], following[:, 2] = faces[:, 1:], faces[:, 0]
    begins = np.arange(0, faces.size + 1, 3, dtype=np.int32)
    by_face = csr_array((following.reshape(-1), faces.reshape(-1), begins), shape=(len(faces), vertices))
    by_vertex = by_face.tocsc()
    ones = np.ones(faces.size, dtype=np.float32)
    return csr_array((ones, by_vertex.data, by_vertex.indptr), shape=(vertices, vertices))


def in_order(matrix: csr_array) -> tuple[csr_array, csr_array]:
    """Return a matrix and its transpose, the columns of each row ascending."""
    turned = _turned(matrix)
    return _turned(turned), turned


def _turned(matrix: csr_array) -> csr_array:
    by_column = matrix.tocsc()
    return csr_array((by_column.data, by_column.indices, by_column.indptr), shape=matrix.shape[::-1])


def is_closed(outgoing: csr_array, incoming: csr_array) -> bool:
    """Return whether every side occurs once in each direction.

    Parameters
    ----------
    outgoing, incoming
        The sides and their transpose, both in order.
    """
    if not np.array_equal(outgoing.indptr, incoming.indptr):
        return False
    once = np.diff(outgoing.indices) > 0
    once[outgoing.indptr[1:-1] - 1] = True
    return bool(once.all()) and np.array_equal(outgoing.indices, incoming.indices)


def mean_of_neighbours(outgoing: csr_array) -> csr_array:
    """Return the matrix that averages the neighbours of each vertex of a closed surface."""
    degree = np.diff(outgoing.indptr)
    shares = np.repeat(np.float32(1) / np.maximum(degree, 1).astype(np.float32), degree)
    return csr_array((shares, outgoing.indices, outgoing.indptr), shape=outgoing.shape)


def shells(outgoing: csr_array) -> tuple[int, NDArray[np.int32]]:
    """Return how many connected surfaces there are, and the one of each vertex (n,).

    On a closed surface every side can be walked back, so what is connected at all is so in both directions.
    """
    count, shell = connected_components(outgoing, connection="strong")
    return int(count), shell


def tunnels(vertices: int, faces: int, count: int) -> int:
    """Return how many holes go through the bodies that closed surfaces bound.

    By Euler's characteristic, V - E + F: each of the ``count`` shells adds two, each hole takes two. A
    triangle has three edges, each of which belongs to two.
    """
    return count - (vertices - faces // 2) // 2


def at_vertices(vectors: NDArray[np.float32], faces: NDArray[np.int32], vertices: int) -> NDArray[np.float32]:
    """Return the sum (vertices, 3) of the vectors (m, 3) of the triangles around each vertex."""
    begins = np.arange(0, faces.size + 1, 3, dtype=np.int32)
    ones = np.ones(faces.size, dtype=np.float32)
    corners = csr_array((ones, faces.reshape(-1), begins), shape=(len(faces), vertices))
    return np.asarray(corners.T @ vectors, dtype=np.float32)
