"""The Orthanc behind the shim, as the shim asks it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dcm4chee.standin.asking import OrthancSilentError, asking
from dcm4chee.standin.state import StoredFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD_BYTES = 16 * 1024
"""How much of a file is read at first: most headers are shorter."""

REJECTED_METADATA = 5001
"""Number of the metadata that ``inside/orthanc.json`` calls ``Rejected``; those from 1024 are the user's."""

_DIGEST = re.compile(r"[0-9a-f]{32}")


class OrthancRefusedError(Exception):
    """Orthanc has not stored a file; ``status`` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Orthanc answered {status}")
        self.status = status


@dataclass(frozen=True)
class Arrived:
    """An instance that Orthanc tells of: where it came from, and when."""

    orthanc_id: str
    remote_aet: str
    received: str
    """UTC, such as ``20261129T180809``."""
    size: int
    """Bytes of its file."""


class Orthanc:
    """Orthanc's REST API; every method raises OrthancSilentError when it does not answer as it should."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    async def version(self) -> str:
        """Return Orthanc's version."""
        return str((await self.get_json("/system"))["Version"])

    async def count(self) -> int:
        """Return how many instances Orthanc holds."""
        return int((await self.get_json("/statistics"))["CountInstances"])

    async def instances(self) -> set[str]:
        """Return the identifiers of all instances."""
        return set(await self.get_json("/instances"))

    async def new_instances(self, since: int, limit: int) -> tuple[list[str], int, bool]:
        """Return the instances stored since a change, the last change told, and whether it is the last."""
        told = await self.get_json(f"/changes?since={since}&limit={limit}")
        new = [change["ID"] for change in told["Changes"] if change["ChangeType"] == "NewInstance"]
        return new, int(told["Last"]), bool(told["Done"])

    async def arrived(self, orthanc_ids: Sequence[str]) -> dict[str, Arrived]:
        """Return what is known of instances by identifier, of those that are there."""
        asked = {"Resources": list(orthanc_ids), "Level": "Instance", "Metadata": True}
        told = await self.get_json("/tools/bulk-content", json.dumps(asked).encode())
        return {found["ID"]: _arrived(found) for found in told}

    async def file(self, orthanc_id: str, first_bytes: int | None = None) -> tuple[bytes, StoredFile] | None:
        """Return a file, or its first bytes (of which it has more), and what it is; None when it is gone."""
        headers = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        path = f"/instances/{orthanc_id}/attachments/dicom/data"
        async with asking(self.url, "GET", path, headers=headers) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            content = await answer.content()
            digest = _DIGEST.search(answer.headers.get("etag", ""))
            if answer.status >= HTTPStatus.BAD_REQUEST or digest is None:
                raise OrthancSilentError(f"Orthanc answered {answer.status} for a file")
            size = answer.headers.get("content-range", f"/{len(content)}").rpartition("/")[2]
            return content, StoredFile(orthanc_id, int(size), digest[0])

    async def store(self, content: bytes) -> str:
        """Store a file and return its identifier.

        Raises
        ------
        OrthancRefusedError
            It is not stored.
        """
        status, told = await self._ask("POST", "/instances", content)
        if status != HTTPStatus.OK:
            raise OrthancRefusedError(status)
        return str(json.loads(told)["ID"])

    async def is_intact(self, orthanc_id: str) -> bool:
        """Return whether a file on the disk still has the MD5 that it was stored with."""
        status, _ = await self._ask("POST", f"/instances/{orthanc_id}/attachments/dicom/verify-md5", b"")
        return status == HTTPStatus.OK

    async def mark(self, orthanc_id: str, code: str | None) -> None:
        """Note at an instance the code it is rejected with, for ``inside/``; None takes that away."""
        path = f"/instances/{orthanc_id}/metadata/{REJECTED_METADATA}"
        if code is None:
            await self._do("DELETE", path)
        else:
            await self._do("PUT", path, code.encode("ascii"))

    async def delete(self, orthanc_id: str) -> None:
        """Delete an instance; that it is not there is no error."""
        await self._do("DELETE", f"/instances/{orthanc_id}")

    async def get_json(self, path: str, content: bytes | None = None) -> Any:
        """Return what Orthanc answers, parsed; with content it is asked by POST."""
        status, told = await self._ask("GET" if content is None else "POST", path, content)
        if status != HTTPStatus.OK:
            raise OrthancSilentError(f"Orthanc answered {status}")
        return json.loads(told)

    async def _do(self, method: str, path: str, content: bytes | None = None) -> None:
        status, _ = await self._ask(method, path, content)
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            raise OrthancSilentError(f"Orthanc answered {status}")

    async def _ask(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        async with asking(self.url, method, path, content) as answer:
            return answer.status, await answer.content()


def _arrived(found: Mapping[str, Any]) -> Arrived:
    metadata = found["Metadata"]
    return Arrived(
        orthanc_id=str(found["ID"]),
        remote_aet=str(metadata.get("RemoteAET", "")),
        received=str(metadata["ReceptionDate"]),
        size=int(found["FileSize"]),
    )
