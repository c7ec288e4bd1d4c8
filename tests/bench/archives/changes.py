"""Ten changes in two archives, as a minute brings them: what an incremental round has to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from pydicom.dataset import Dataset

from orthanc_plugins.store import InventoryDifference
from tests.bench.archives.encoded import numbered_uid
from tests.bench.archives.filling import upload
from tests.bench.archives.studies import GeneratedStudy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orthanc_plugins.identifiers import StudyUid
    from tests.bench.archives.pair import Pair

_TIMEOUT_S = 60.0
_EDITED = "Thorax, nachgetragen"
_QUALITY, _REVOKE = "113001^DCM", "REVOKE_REJECTION^99DCM4CHEE"
_DCMJSON = {"Content-Type": "application/dicom+json"}


@dataclass(frozen=True)
class TenChanges:
    """Five studies come, two series grow, one study and one instance go, one study is described anew.

    On the side of DCM4CHEE they happen as its users make them happen: what goes is rejected, what is
    described anew is updated through its REST interface.

    Parameters
    ----------
    first_new
        Number of the first of the studies that come; all from there on are unknown to both sides.
    """

    pair: Pair
    first_new: int

    grown_left = GeneratedStudy(40)
    grown_right = GeneratedStudy(42)
    deleted_left = GeneratedStudy(44)
    rejected_right = GeneratedStudy(46)
    edited_right = GeneratedStudy(48)

    @property
    def new_left(self) -> tuple[GeneratedStudy, ...]:
        """Studies that come to the left side."""
        return tuple(GeneratedStudy(self.first_new + place) for place in range(3))

    @property
    def new_right(self) -> tuple[GeneratedStudy, ...]:
        """Studies that come to the right side."""
        return tuple(GeneratedStudy(self.first_new + place) for place in range(3, 5))

    @property
    def expected(self) -> Mapping[StudyUid, InventoryDifference]:
        """How the inventories then differ in the ten studies, which were the same before."""
        grown = (self.grown_left, self.grown_right, self.rejected_right)
        return {
            **{study.uid: InventoryDifference.ONLY_LEFT for study in self.new_left},
            **{study.uid: InventoryDifference.ONLY_RIGHT for study in (*self.new_right, self.deleted_left)},
            **{study.uid: InventoryDifference.COUNT for study in grown},
            self.edited_right.uid: InventoryDifference.ATTRIBUTES,
        }

    def make(self) -> None:
        """Make all ten."""
        with requests.Session() as session:
            left, right = self.pair.urls["left"], self.pair.urls["right"]
            for url, studies in {left: self.new_left, right: self.new_right}.items():
                upload(session, url, (file.content for study in studies for file in study.files()))
            upload(session, left, [_one_more(self.grown_left)])
            upload(session, right, [_one_more(self.grown_right)])
            _delete(session, left, self.deleted_left.uid)
            self._reject(session, _QUALITY)
            self._describe(session, _EDITED)

    def undo(self) -> None:
        """Have both archives hold again what they held, however many of the changes were made."""
        with requests.Session() as session:
            left, right = self.pair.urls["left"], self.pair.urls["right"]
            for url, studies in {left: self.new_left, right: self.new_right}.items():
                for study in studies:
                    _delete(session, url, study.uid)
            _delete(session, left, numbered_uid(self.grown_left.number, _ADDED))
            _delete(session, right, numbered_uid(self.grown_right.number, _ADDED))
            upload(session, left, (file.content for file in self.deleted_left.files()))
            self._reject(session, _REVOKE)
            self._describe(session, self.edited_right.attributes["StudyDescription"] or "")

    def _reject(self, session: requests.Session, code: str) -> None:
        number = self.rejected_right.number
        series, instance = numbered_uid(number, 1000), numbered_uid(number, 1001)
        path = f"studies/{self.rejected_right.uid}/series/{series}/instances/{instance}"
        answer = session.post(f"{self.pair.dcm4chee.url}/{path}/reject/{code}", timeout=_TIMEOUT_S)
        if answer.status_code != requests.codes.not_found:
            answer.raise_for_status()

    def _describe(self, session: requests.Session, description: str) -> None:
        study = self.edited_right
        dataset = Dataset()
        dataset.StudyInstanceUID = study.uid
        for keyword, value in {**study.attributes, "StudyDescription": description}.items():
            if value is not None:
                setattr(dataset, keyword, value)
        answer = session.put(
            f"{self.pair.dcm4chee.url}/studies/{study.uid}",
            data=dataset.to_json(),
            headers=_DCMJSON,
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()


_ADDED = 1004
"""What tells the image that comes to a CT series of three."""


def _one_more(study: GeneratedStudy) -> bytes:
    """Return one more image of a study's CT series."""
    last = list(study.files())[2]
    added = numbered_uid(study.number, _ADDED)
    return last.content.replace(last.sop_instance_uid.encode(), added.encode())


def _delete(session: requests.Session, url: str, uid: str) -> None:
    """Delete what an Orthanc holds under a UID."""
    for path in _found(session, url, uid):
        session.delete(f"{url}{path}", timeout=_TIMEOUT_S).raise_for_status()


def _found(session: requests.Session, url: str, uid: str) -> Iterator[str]:
    answer = session.post(f"{url}/tools/lookup", data=uid, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return (entry["Path"] for entry in answer.json())
