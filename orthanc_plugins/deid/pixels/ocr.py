"""Text in pictures, found and read on this machine by RapidOCR with the weights that its wheel carries.

Decisions
---------
2026-11-30  Finding and reading are two engines. Read together, RapidOCR drops what it found and cannot read;
            but text that a machine cannot read, a person can. So what is found counts, read or not.
2026-11-30  Weights are named by path: RapidOCR fetches its own from the network where a checksum differs.
2026-11-30  Two sizes: small letters are found in the enlarged picture, large ones in the picture as it is. Of
            a large picture nothing is found of letters as they are on screens: it is looked at in tiles, in
            its own size and in half of it, and once as a whole, made small. So letters of any size are of one
            that is found in one of them, and no more than a tile is in work at once.
2026-11-30  What moves in a film is not enlarged: in speckle letters of 7 to 14 pixels were found as often in
            their own size as enlarged, or more often, in a fifth of the time.
2026-11-30  The outline of a body is taken for one huge letter, and hides text within it. So what is larger
            than letters are is text only if it can be read as it lies, and the picture is looked at again in
            quarters that overlap.
2026-11-30  Its logger is switched off: it writes to the error stream by itself, past the suite's logs.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np
import rapidocr
from rapidocr.ch_ppocr_det.utils import ResizeImgError
from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError

from orthanc_plugins.deid.pixels.boxes import Box, without_covered
from orthanc_plugins.deid.pixels.finder import Reading
from orthanc_plugins.errors import DeidError, HeldForReview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.deid.pixels.rendering import Picture

type _Corners = np.ndarray[Any, np.dtype[np.float64]]

_MODELS = Path(rapidocr.__file__).parent / "models"
_FINDING, _READING = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_THREADS = 1
_LONGEST_ENLARGED = 1280
"""Pictures up to this side in pixels are looked at in twice their size too, others in half and in tiles."""
_MOST_MOVING_ENLARGED = 1 << 16
"""Pixels of what moves that is enlarged nevertheless: a clock, a counter, a label."""
_TILE = 960
_TALLEST_TEXT = 96
"""A text is at most so many pixels tall, or so many wide if it stands upright."""
_OVERLAP = 48
"""By which quarters of a picture share pixels, so that a text at their edge is whole in one."""
_LARGEST_SIDE = 2 * _LONGEST_ENLARGED
_LEAST_CONFIDENCE = 0.45
_SURELY_READ, _FEWEST_LETTERS = 0.7, 3
"""What is larger than text counts as text where so many letters are read with so much confidence."""
_AROUND = 2
"""Pixels around a text that it is read with."""
_FAILURES: Final = (ONNXRuntimeError, ResizeImgError, rapidocr.LoadImageError, cv2.error, ValueError)


class _Sight(NamedTuple):
    """What is taken for text: the upright box around it, and its corners (4, 2), columns x and y."""

    box: Box
    corners: _Corners


class RapidFinder:
    """Finds and reads text; one at a time in a process."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").disabled = True
        self._lock = threading.Lock()
        self._finding = _engine("Det", _FINDING)
        self._reading = _engine("Rec", _READING)

    def find(self, picture: Picture, *, is_moving: bool = False) -> tuple[Box, ...]:
        """Return where text may be, in pixels of the picture, also such that cannot be read.

        Raises
        ------
        HeldForReview
            The picture cannot be looked at.
        """
        rows, columns = picture.shape[:2]
        if max(rows, columns) > _LONGEST_ENLARGED:
            return without_covered(self._within_tiles(picture))
        scales = (1.0,) if is_moving and rows * columns > _MOST_MOVING_ENLARGED else (1.0, 2.0)
        return without_covered(self._texts(picture, Box(0, 0, columns, rows), scales))

    def _within_tiles(self, picture: Picture) -> Iterator[Box]:
        """Yield where text may be in a picture that is too large to be looked at as a whole."""
        rows, columns = picture.shape[:2]
        whole, longest = Box(0, 0, columns, rows), max(rows, columns)
        yield from self._texts(picture, whole, (min(0.5, _LONGEST_ENLARGED / longest),))
        if longest > 2 * _LONGEST_ENLARGED:
            for tile in _tiles(rows, columns, 2 * _TILE):
                yield from self._texts(picture, tile, (0.5,))
        for tile in _tiles(rows, columns, _TILE):
            yield from self._texts(picture, tile, (1.0,))

    def _texts(self, picture: Picture, part: Box, scales: tuple[float, ...]) -> list[Box]:
        """Return where text may be in a part of a picture, shown in these sizes."""
        rows, columns = picture.shape[:2]
        sights = [sight for scale in scales for sight in self._within(picture, part, scale)]
        texts = [sight.box for sight in sights if self._is_text(sight, picture)]
        if len(texts) < len(sights) and 1.0 in scales:
            smaller = (one for quarter in _quarters(part) for one in self._within(picture, quarter, 1.0))
            texts += [sight.box for sight in smaller if _is_as_small_as_text(sight.box, rows, columns)]
        return texts

    def read(self, picture: Picture, box: Box) -> Reading:
        """Return what the text in a box says: nothing, with no confidence, where that cannot be told."""
        around = box.grown(_AROUND).within(picture.shape[0], picture.shape[1])
        part = np.ascontiguousarray(picture[around.top : around.bottom, around.left : around.right])
        answer = self._ask(self._reading, part)
        texts: list[str] = list(answer.txts or ())
        scores: list[float] = list(answer.scores or ())
        return Reading(texts[0], float(scores[0])) if len(texts) == 1 else Reading("", 0.0)

    def _within(self, picture: Picture, part: Box, scale: float) -> list[_Sight]:
        """Return what is taken for text in a part of a picture shown in another size."""
        shown = picture[part.top : part.bottom, part.left : part.right]
        if shown.min() == shown.max():
            return []
        answer = self._ask(self._finding, _resized(shown, scale))
        found = [] if answer.boxes is None else answer.boxes
        return [_sight(np.asarray(one, np.float64) / scale + (part.left, part.top), picture) for one in found]

    def _is_text(self, sight: _Sight, picture: Picture) -> bool:
        """Return whether something is as small as text is, or can be read as it lies."""
        if _is_as_small_as_text(sight.box, picture.shape[0], picture.shape[1]):
            return True
        answer = self._ask(self._reading, _straightened(picture, sight.corners))
        texts, scores = list(answer.txts or ()), list(answer.scores or ())
        return any(
            score >= _SURELY_READ and sum(map(str.isalnum, text)) >= _FEWEST_LETTERS
            for text, score in zip(texts, scores, strict=True)
        )

    def _ask(self, engine: rapidocr.RapidOCR, picture: Picture) -> Any:
        """Return an engine's answer for a picture; it takes colours as blue, green, red."""
        try:
            with self._lock:
                answer: Any = engine(np.ascontiguousarray(picture[..., ::-1]))
        except _FAILURES as error:
            raise HeldForReview(f"text cannot be looked for in a picture ({type(error).__name__})") from None
        return answer


@cache
def rapid_finder() -> RapidFinder:
    """Return the finder of this process, loaded when it is first asked for."""
    return RapidFinder()


def _engine(part: str, weights: str) -> rapidocr.RapidOCR:
    """Return an engine that does one part: ``Det`` finds, ``Rec`` reads."""
    path = _MODELS / weights
    if not path.is_file():
        raise DeidError(f"{weights} is missing from the installed RapidOCR: install its wheel again")
    parameters = {
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        "Global.max_side_len": _LARGEST_SIDE,
        "Global.use_det": part == "Det",
        "Global.use_cls": False,
        "Global.use_rec": part == "Rec",
        "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
        "EngineConfig.onnxruntime.inter_op_num_threads": _THREADS,
        "Det.box_thresh": _LEAST_CONFIDENCE,
        f"{part}.model_path": str(path),
    }
    return rapidocr.RapidOCR(params=parameters)


def _is_as_small_as_text(box: Box, rows: int, columns: int) -> bool:
    """Return whether a box is of the size of a text, not of what a picture shows."""
    height = min(box.right - box.left, box.bottom - box.top)
    return height <= _TALLEST_TEXT and 2 * box.area <= rows * columns


def _quarters(part: Box) -> tuple[Box, ...]:
    """Return four boxes that together have all pixels of a part, and share some."""
    (left, right), (top, bottom) = (
        ((0, min(length, length // 2 + _OVERLAP)), (max(0, length // 2 - _OVERLAP), length))
        for length in (part.right - part.left, part.bottom - part.top)
    )
    return tuple(
        Box(x[0], y[0], x[1], y[1]).moved(part.left, part.top) for y in (top, bottom) for x in (left, right)
    )


def _tiles(rows: int, columns: int, size: int) -> Iterator[Box]:
    """Yield boxes of a size in which letters are found, which together have all pixels, and share some."""
    shared = 2 * _OVERLAP * size // _TILE
    for top in range(0, max(1, rows - shared), size - shared):
        for left in range(0, max(1, columns - shared), size - shared):
            yield Box(left, top, left + size, top + size).within(rows, columns)


def _sight(corners: _Corners, picture: Picture) -> _Sight:
    """Return what lies between four corners in a picture."""
    return _Sight(_around(corners).within(picture.shape[0], picture.shape[1]), corners)


def _straightened(picture: Picture, corners: _Corners) -> Picture:
    """Return what lies between four corners, from the upper left on clockwise, turned upright."""
    width, height = (max(1, round(float(np.linalg.norm(corners[one] - corners[0])))) for one in (1, 3))
    around = _around(corners).grown(_AROUND).within(picture.shape[0], picture.shape[1])
    shown = np.ascontiguousarray(picture[around.top : around.bottom, around.left : around.right])
    upright = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    corners = (corners - (around.left, around.top)).astype(np.float32)
    turned = cv2.getPerspectiveTransform(corners, upright)
    return np.asarray(cv2.warpPerspective(shown, turned, (width, height)), np.uint8)


def _resized(picture: Picture, scale: float) -> Picture:
    if scale == 1:
        return picture
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def _around(corners: _Corners) -> Box:
    """Return the upright box around four corners (4, 2), columns x and y."""
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return Box(left, top, right + 1, bottom + 1)
