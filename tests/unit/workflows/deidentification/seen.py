"""What a job has left behind: events of the trail, files, a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.certificates import opened
from orthanc_plugins.store import ReleaseFiles

if TYPE_CHECKING:
    from orthanc_plugins.certificates import Certificate
    from tests.unit.workflows.deidentified import Rig


def events(rig: Rig, **wanted: Any) -> list[dict[str, Any]]:
    return [dict(record.event) for record in rig.custodian.trail().records(TrailQuery(**wanted))]


def left_in(rig: Rig) -> list[str]:
    return [str(path) for path in rig.work.rglob("*")] if rig.work.exists() else []


def certificate_in(rig: Rig) -> Certificate:
    kept = ReleaseFiles(rig.services.data).read(rig.release().release_id, "certificate.json")
    assert kept is not None
    return opened(kept).certificate
