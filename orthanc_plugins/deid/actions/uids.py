"""New UIDs (PS3.15 E.1.1, action U)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_SOP_INSTANCE_UID = 0x00080018


class NewUid:
    """U in Table E.1-1."""

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the project's UID for the one that stands here; what the standard has assigned stays."""
        if not value.rstrip(b"\0 "):
            return b"" if value else value
        new = job.pseudonyms.uid_bytes(value)
        if rule.tag == _SOP_INSTANCE_UID and not place.path:
            job.sop_instance_uid = new.rstrip(b"\0").decode()
        return new

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "U: replaced by a UID made of the old one with the project's key: the same everywhere, so "
            "references hold; UIDs that the standard assigns stay"
        )
