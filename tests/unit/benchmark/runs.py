"""What ends a run, and what is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.journal import JOURNALS
from orthanc_plugins.benchmark.plan import Question

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.benchmark.doubles import ArchiveDouble

ALL_TIMED = (Question.UPLOAD, Question.QUERY, Question.RETRIEVE, Question.USERS_10)


class StopNow(BaseException):
    """What ends a run from outside, as Ctrl-C does."""


def is_empty(double: ArchiveDouble) -> bool:
    return not double.images and not (double.patients if double.name is ArchiveName.DCM4CHEE else ())


def journals(folder: Path) -> list[Path]:
    return list((folder / JOURNALS).glob("*"))
