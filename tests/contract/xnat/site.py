"""Asking XNAT's stand-in by bare HTTP, and the small studies it is sent."""

from __future__ import annotations

import io
import itertools
import zipfile
from typing import TYPE_CHECKING, Any, Self

import requests
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import RTStructureSetStorage

from tests.standin_objects import build_object, content_of, new_uid
from tests.xnat_process import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.xnat_process import XnatProcess

_NUMBERS = itertools.count(1)


def build_study(**attributes: Any) -> list[Dataset]:
    """Return two CT images and a structure set that refers to them."""
    common = {"StudyInstanceUID": new_uid(), "PatientID": "PSEUDO1", "PatientName": "PSEUDO1", **attributes}
    series = new_uid()
    images = [
        build_object(SeriesInstanceUID=series, SeriesNumber="2", InstanceNumber=str(number), **common)
        for number in (1, 2)
    ]
    structures = build_object(
        SOPClassUID=RTStructureSetStorage, Modality="RTSTRUCT", SeriesNumber="3", PixelData=None, **common
    )
    reference = Dataset()
    reference.ReferencedSOPClassUID = images[0].SOPClassUID
    reference.ReferencedSOPInstanceUID = images[0].SOPInstanceUID
    structures.ReferencedFrameOfReferenceSequence = Sequence([Dataset()])
    structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence = Sequence([reference])
    return [*images, structures]


def zip_of(datasets: Iterable[Dataset], **others: bytes) -> bytes:
    """Return data sets as files of a ZIP, and other files beside them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for number, dataset in enumerate(datasets):
            packed.writestr(f"{number:04d}.dcm", content_of(dataset))
        for name, content in others.items():
            packed.writestr(name, content)
    return out.getvalue()


class Site:
    """A client with a project of its own."""

    def __init__(self, process: XnatProcess) -> None:
        self.process = process
        self.project = f"P{next(_NUMBERS)}"
        self.http = requests.Session()
        self.http.auth = ("admin", PASSWORD)

    def __enter__(self) -> Self:
        assert self.put(f"/data/projects/{self.project}").status_code == 200
        self.put(f"/data/projects/{self.project}/prearchive_code/0")
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.process.url + path, timeout=60, **more)

    def put(self, path: str, **more: Any) -> requests.Response:
        return self.http.put(self.process.url + path, timeout=60, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return self.http.post(self.process.url + path, timeout=60, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.http.delete(self.process.url + path, timeout=60, **more)

    def rows(self, path: str, **parameters: str) -> list[dict[str, str]]:
        """Return the rows of a list."""
        answer = self.get(path, params={"format": "json", **parameters})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, str]] = answer.json()["ResultSet"]["Result"]
        return found

    def send(self, datasets: Iterable[Dataset], **parameters: str) -> requests.Response:
        """Import data sets in a ZIP, raw."""
        headers = {"Content-Type": "application/zip"}
        asked = {"inbody": "true", **parameters}
        return self.post("/data/services/import", params=asked, data=zip_of(datasets), headers=headers)

    def send_to_prearchive(
        self, datasets: Iterable[Dataset], session: str = "E1", subject: str = "S1", **more: str
    ) -> str:
        """Return the URI in the prearchive."""
        answer = self.send(
            datasets, dest=f"/prearchive/projects/{self.project}", subject=subject, session=session, **more
        )
        assert answer.status_code == 200, answer.text
        return answer.text.strip()

    def archive(self, uri: str, **parameters: str) -> requests.Response:
        """Archive a session of the prearchive."""
        return self.post("/data/services/archive", data={"src": uri, **parameters})

    def archived(self, datasets: Iterable[Dataset], session: str = "E1", subject: str = "S1") -> str:
        """Return the URI in the archive of data sets that were sent and archived."""
        answer = self.archive(self.send_to_prearchive(datasets, session, subject))
        assert answer.status_code == 200, answer.text
        return answer.text.strip()

    def prearchived(self) -> list[dict[str, str]]:
        """Return this project's rows of the prearchive."""
        return self.rows(f"/data/prearchive/projects/{self.project}")

    def downloaded(self, uri: str) -> dict[str, Dataset]:
        """Return all DICOM files of a session by SOP instance."""
        answer = self.get(f"{uri}/scans/ALL/files", params={"format": "zip"})
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            found = [dcmread(io.BytesIO(packed.read(name))) for name in packed.namelist()]
        return {str(one.SOPInstanceUID): one for one in found}

    def no_site_script(self) -> None:
        """Switch the site's script off."""
        self.enable_script("site", enabled=False)

    def enable_script(self, place: str, *, enabled: bool) -> None:
        """Switch a script on or off; a place is ``site`` or ``projects/P``."""
        answer = self.put(
            f"/xapi/anonymize/{place}/enabled",
            params={"enable": str(enabled).lower()},
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text

    def set_script(self, body: str, place: str | None = None) -> None:
        """Give the project, or the site, a script and switch it on."""
        place = place or f"projects/{self.project}"
        headers = {"Content-Type": "text/plain"}
        answer = self.put(f"/xapi/anonymize/{place}", data=body.encode(), headers=headers)
        assert answer.status_code == 200, answer.text
        self.enable_script(place, enabled=True)


def message_of(answer: requests.Response) -> str:
    """Return what a refusal says, in its ``<h3>``."""
    return answer.text.partition("<h3>")[2].partition("</h3>")[0]
