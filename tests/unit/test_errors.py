"""The tree of the suite's exceptions."""

from __future__ import annotations

import re

from orthanc_plugins import errors
from orthanc_plugins.errors import ArchiveUnavailable, PacsSuiteError


def every_error(root: type[PacsSuiteError] = PacsSuiteError) -> list[type[PacsSuiteError]]:
    return [root, *(below for child in root.__subclasses__() for below in every_error(child))]


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"^    ([│├└─ ]*)(\w+)", errors.__doc__ or "", re.MULTILINE)
    depths = [(len(indent) // 4, name) for indent, name in drawn]

    def walk(root: type[PacsSuiteError], depth: int = 0) -> list[tuple[int, str]]:
        below = [line for child in root.__subclasses__() for line in walk(child, depth + 1)]
        return [(depth, root.__name__), *below]

    assert depths == walk(PacsSuiteError)


def test_an_archive_error_tells_which_archive_and_status() -> None:
    error = ArchiveUnavailable("It did not answer.", archive="orthanc", status=503)
    assert (error.archive, error.status, str(error)) == ("orthanc", 503, "It did not answer.")
