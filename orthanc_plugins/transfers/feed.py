"""The files of a batch on their way from one archive into another: read ahead, a few at a time."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Self

from orthanc_plugins.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.identifiers import SopInstanceUid

_MOST_FILES = 256
_MOST_BYTES = 64 * 10**6
"""Read ahead at most so much, and one file more."""

_PATIENCE_S = 30.0


class Feed:
    """Yields the files of a source, which a thread reads while those before are sent.

    The source's own error ends the files and is kept in ``error``: what the destination is told must not
    depend on it. To be used in a ``with`` block, at whose end the thread has ended.

    Parameters
    ----------
    open_source
        Opens the source; called on the thread that reads.
    before_each
        Called with each file before it is given out; may wait, or raise to give out no more.
    """

    def __init__(
        self, open_source: Callable[[], Iterator[DicomFile]], before_each: Callable[[DicomFile], None]
    ) -> None:
        self.given: set[SopInstanceUid] = set()
        self.bytes_given = 0
        self.error: ArchiveError | None = None
        self._fault: BaseException | None = None
        self._open_source = open_source
        self._before_each = before_each
        self._changed = threading.Condition()
        self._files: deque[DicomFile] = deque()
        self._bytes = 0
        self._ended = False
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Read no further."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(_PATIENCE_S)

    def __iter__(self) -> Iterator[DicomFile]:
        """Yield the files; an error of the source ends them, a fault is raised."""
        while (file := self._next()) is not None:
            self._before_each(file)
            self.given.add(file.sop_instance_uid)
            self.bytes_given += len(file.content)
            yield file

    def _next(self) -> DicomFile | None:
        with self._changed:
            self._changed.wait_for(lambda: self._files or self._ended)
            if not self._files:
                if self._fault is not None:
                    raise self._fault
                return None
            file = self._files.popleft()
            self._bytes -= len(file.content)
            self._changed.notify_all()
            return file

    def _read(self) -> None:
        try:
            for file in self._open_source():
                if not self._put(file):
                    break
        except ArchiveError as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that sends, which raises it
            self._fault = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, file: DicomFile) -> bool:
        """Keep a file until there is room for the next; return whether more are wanted."""
        with self._changed:
            self._files.append(file)
            self._bytes += len(file.content)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._stopped or (len(self._files) < _MOST_FILES and self._bytes < _MOST_BYTES)
            )
            return not self._stopped
