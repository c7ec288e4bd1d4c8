"""The certificate of a release, of what its run reported and where it was delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydicom.datadict import keyword_for_tag

from orthanc_plugins.certificates import (
    DeclaredChange,
    Delivery,
    PolicyException,
    ReadBack,
    certificate_of,
    opened,
    signed,
    written,
)
from orthanc_plugins.certificates.pdf import pdf_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.certificates import SignedCertificate, SigningKey
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.store import ReleaseFiles

_CHANGED_BY_DESTINATION = "The destination writes its own value here, as it is known to."


def certified(  # noqa: PLR0913 - each is a fact of its own, given by name
    files: ReleaseFiles,
    release_id: str,
    *,
    key: SigningKey,
    report: Mapping[str, Any],
    profile: Profile,
    began: datetime,
    delivered: Mapping[str, Any],
) -> SignedCertificate:
    """Return the certificate of a release, issued now unless it was before; it is kept as JSON and as PDF."""
    known = files.read(release_id, "certificate.json")
    if known is not None:
        envelope = opened(known)
    else:
        certificate = certificate_of(
            report,
            report["studies"][0],
            began=began,
            issued=datetime.now(UTC),
            delivery=_delivery(delivered),
            exceptions=[PolicyException(one.attribute, one.action, one.reason) for one in profile.exceptions],
        )
        envelope = signed(certificate, key)
        files.keep(release_id, "certificate.json", written(envelope))
    if files.path(release_id, "certificate.pdf") is None:
        files.keep(release_id, "certificate.pdf", pdf_of(envelope))
    return envelope


def _delivery(delivered: Mapping[str, Any]) -> Delivery:
    """Return what a certificate says of a delivery.

    How many files came back byte for byte is told by no destination: each change counts as another file's,
    so it is never too many.
    """
    at = datetime.fromisoformat(delivered["at"]).replace(microsecond=0)
    instances, changes, labels = delivered["instances"], delivered["changes"], delivered["labels"]
    return Delivery(
        destination=delivered["destination"],
        project=labels.get("project", delivered["destination"]),
        subject=labels.get("subject", labels.get("patient", "")),
        session=labels.get("session", labels.get("study", "")),
        at=at,
        instances=instances,
        read_back=ReadBack(
            at=at,
            instances=instances,
            identical=max(0, instances - sum(changes.values())),
            changes=tuple(_change(tag, times, instances) for tag, times in sorted(changes.items())),
        ),
    )


def _change(tag: str, times: int, instances: int) -> DeclaredChange:
    tag = tag.upper()
    keyword = keyword_for_tag(int(tag.replace(",", ""), 16))
    return DeclaredChange(tag, keyword, _CHANGED_BY_DESTINATION, min(times, instances))
