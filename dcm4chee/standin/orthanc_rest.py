"""The Orthanc behind the shim, as the shim asks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from dcm4chee.standin.state import StoredFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD_BYTES = 64 * 1024
"""How much of a file is read at first: most headers are shorter."""

REJECTED_METADATA = 5001
"""Number of the metadata that ``orthanc.json`` calls ``Rejected``; those from 1024 are the user's."""

_TIMEOUT = httpx.Timeout(600.0, connect=5.0)
_LIMITS = httpx.Limits(max_connections=40, max_keepalive_connections=20, keepalive_expiry=0.5)
"""Orthanc closes a connection that was idle for a second."""
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


class Orthanc:
    """Orthanc's REST API, asked without waiting for other requests."""

    def __init__(self, url: str) -> None:
        self.client = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, limits=_LIMITS)

    async def close(self) -> None:
        """Close all connections."""
        await self.client.aclose()

    async def get_json(self, path: str) -> Any:
        """Return what Orthanc answers, parsed; raises httpx.HTTPError when that is no success."""
        answer = await self.client.get(path)
        answer.raise_for_status()
        return answer.json()

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

    async def last_change(self) -> int:
        """Return the number of the last change."""
        return int((await self.get_json("/changes?last"))["Last"])

    async def arrived(self, orthanc_ids: Sequence[str]) -> dict[str, Arrived]:
        """Return what is known of instances by identifier, of those that are there."""
        asked = {"Resources": list(orthanc_ids), "Level": "Instance", "Metadata": True}
        answer = await self.client.post("/tools/bulk-content", json=asked)
        answer.raise_for_status()
        return {found["ID"]: _arrived(found) for found in answer.json()}

    async def file(self, orthanc_id: str, *, head: bool = False) -> tuple[bytes, StoredFile] | None:
        """Return a file, or its first bytes, and what it is; None when it is not there."""
        headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}"} if head else {}
        path = f"/instances/{orthanc_id}/attachments/dicom/data"
        answer = await self.client.get(path, headers=headers)
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # it is shorter than that
            answer = await self.client.get(path)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        answer.raise_for_status()
        size = int(answer.headers.get("Content-Range", f"/{len(answer.content)}").rpartition("/")[2])
        digest = _DIGEST.search(answer.headers.get("ETag", ""))
        if digest is None:
            raise httpx.DecodingError("Orthanc told no MD5 of a file")
        return answer.content, StoredFile(orthanc_id, size, digest[0])

    async def store(self, content: bytes) -> str:
        """Store a file and return its identifier.

        Raises
        ------
        OrthancRefusedError
            It is not stored.
        """
        answer = await self.client.post("/instances", content=content)
        if answer.status_code != HTTPStatus.OK:
            raise OrthancRefusedError(answer.status_code)
        return str(answer.json()["ID"])

    async def is_intact(self, orthanc_id: str) -> bool:
        """Return whether a file on the disk still has the MD5 that it was stored with."""
        answer = await self.client.post(f"/instances/{orthanc_id}/attachments/dicom/verify-md5", content=b"")
        return answer.is_success

    async def mark(self, orthanc_id: str, code: str | None) -> None:
        """Note at an instance the code it is rejected with, for ``c_store.lua``; None takes that away."""
        path = f"/instances/{orthanc_id}/metadata/{REJECTED_METADATA}"
        if code is None:
            answer = await self.client.delete(path)
        else:
            answer = await self.client.put(path, content=code.encode("ascii"))
        if answer.status_code != HTTPStatus.NOT_FOUND:
            answer.raise_for_status()

    async def delete(self, orthanc_id: str) -> None:
        """Delete an instance; that it is not there is no error."""
        answer = await self.client.delete(f"/instances/{orthanc_id}")
        if answer.status_code != HTTPStatus.NOT_FOUND:
            answer.raise_for_status()


def _arrived(found: Mapping[str, Any]) -> Arrived:
    metadata = found["Metadata"]
    return Arrived(str(found["ID"]), str(metadata.get("RemoteAET", "")), str(metadata["ReceptionDate"]))
