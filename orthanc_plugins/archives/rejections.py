"""What DCM4CHEE lists as rejected: the AE titles that show nothing else (IOCM, IHE RAD TF-1 chapter 39)."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from itertools import batched
from typing import TYPE_CHECKING

from orthanc_plugins.archives.dicom_json import text
from orthanc_plugins.archives.listing import INSTANCE_UID, STUDY_UID
from orthanc_plugins.archives.qido import TooManyRows
from orthanc_plugins.errors import ArchiveError
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.archives.qido import Qido

logger = logging.getLogger(__name__)

VIEWS = ("IOCM_QUALITY", "IOCM_PAT_SAFETY", "IOCM_WRONG_MWL", "IOCM_EXPIRED")
"""AE titles of dcm4chee's default configuration, each of which shows what was rejected for one reason."""

_TAKEN_AGAIN = frozenset({"IOCM_EXPIRED"})
"""Those whose instances are restored when they are sent again; others are refused, or thrown away unsaid."""

REVOKE_FIRST = (
    "{archive} does not take it: it was rejected there. Revoke the rejection there first (POST "
    "…/rs/studies/STUDY[/series/SERIES[/instances/INSTANCE]]/reject/REVOKE_REJECTION^99DCM4CHEE)."
)
"""What a person reads of what would be sent in vain; ``archive`` is its title."""

_AET = re.compile(r"/aets/[^/]+/")
_STUDIES_OF_A_QUERY = 50


class Rejections:
    """The rejected instances of an archive.

    Parameters
    ----------
    url
        Its DICOMweb root; the AE titles are asked for beside the one it names.
    """

    def __init__(self, qido: Qido, url: str) -> None:
        self._qido = qido
        root = url.rstrip("/")
        named = _AET.search(root) is not None
        self._roots = {view: _AET.sub(f"/aets/{view}/", root) for view in VIEWS} if named else {}

    def of(
        self, study_uids: Iterable[StudyUid], *, kept_out: bool = False
    ) -> dict[StudyUid, frozenset[SopInstanceUid]]:
        """Return the rejected instances of studies; a list that is not there or not shown tells of none.

        Parameters
        ----------
        kept_out
            Only those that the archive does not take when they are sent again.
        """
        roots = [root for view, root in self._roots.items() if not kept_out or view not in _TAKEN_AGAIN]
        found: dict[StudyUid, set[SopInstanceUid]] = defaultdict(set)
        for some in batched(study_uids, _STUDIES_OF_A_QUERY, strict=False):
            for root in roots:
                self._read(root, some, found)
        return {uid: frozenset(instances) for uid, instances in found.items()}

    def _read(
        self, root: str, study_uids: Iterable[StudyUid], found: dict[StudyUid, set[SopInstanceUid]]
    ) -> None:
        query = [("StudyInstanceUID", ",".join(study_uids)), ("includefield", "StudyInstanceUID")]
        try:
            for row in self._qido.rows(f"{root}/instances", query, INSTANCE_UID):
                found[StudyUid(text(row, STUDY_UID))].add(SopInstanceUid(text(row, INSTANCE_UID)))
        except (ArchiveError, TooManyRows) as error:
            logger.info("What was rejected is not told: %s", error)
