"""The certificate of a release, of what its run reported and where it was delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
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
from orthanc_plugins.store import ReleaseFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orthanc_plugins.certificates import SignedCertificate, SigningKey
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.delivery import Delivery as StudyDelivery
    from orthanc_plugins.delivery import Destination, Parcel
    from orthanc_plugins.services import Services

_DIGITS_IN_NAME = 12
_WRITTEN_ANEW = "The destination writes the file anew; all values of the data set are those that were sent."
_RELABELLED = "The destination writes its name of project, subject or session here."
_METHOD_ADDED = "The destination adds here what its own scripts have done."
_LEFT_OUT = "It told nothing, being empty or a dummy; the destination leaves it out."
_CHANGES = {
    **dict.fromkeys(("0008,1030", "0010,0010", "0010,0020"), _RELABELLED),
    **dict.fromkeys(("0012,0063", "0012,0064"), _METHOD_ADDED),
}
"""What a destination may do to these (`orthanc_plugins.validation.stored`); any other it may leave out."""


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
    """Return the certificate of a release; it is kept as JSON and as PDF.

    One that was issued before holds on where nothing was sent since and all that is there is as it says.
    """
    content = files.read(release_id, "certificate.json")
    known = None if content is None else opened(content)
    if known is not None and _holds_on(known, delivered):
        envelope = known
    else:
        certificate = certificate_of(
            report,
            report["studies"][0],
            began=began,
            issued=datetime.now(UTC),
            delivery=_delivery(delivered),
            exceptions=[PolicyException(one.attribute, one.action, one.reason) for one in profile.exceptions],
            stored=delivered["stored"],
        )
        envelope = signed(certificate, key)
        files.keep(release_id, "certificate.json", written(envelope))
    if envelope is not known or files.path(release_id, "certificate.pdf") is None:
        files.keep(release_id, "certificate.pdf", pdf_of(envelope))
    return envelope


def attach(destination: Destination, parcel: Parcel, envelope: SignedCertificate) -> None:
    """Store a certificate beside its study, under a name of its own; see `Destination.attach`."""
    name = f"certificate-{envelope.certificate.digest[:_DIGITS_IN_NAME]}"
    destination.attach(parcel, f"{name}.json", written(envelope))
    destination.attach(parcel, f"{name}.pdf", pdf_of(envelope))


def delivered_of(delivery: StudyDelivery) -> dict[str, Any]:
    """Return what is to be known of a delivery, or of a look at one, as values of JSON."""
    return {
        "destination": delivery.destination,
        "address": delivery.address,
        "labels": dict(delivery.labels),
        "instances": delivery.instances,
        "changes": dict(delivery.changes),
        "stored": dict(delivery.stored),
        "uncovered": delivery.uncovered,
        "sent": delivery.sent,
        "at": datetime.now(UTC).isoformat(),
    }


def earlier_of(services: Services, project: str, released: Mapping[str, Any]) -> frozenset[str]:
    """Return the new SOP Instance UIDs of what was released of a study before, by its certificates."""
    (study,) = released["report"]["studies"]
    files = ReleaseFiles(services.data)
    known = services.store.releases.of_patient(project, study["patient"])
    contents = (files.read(one.release_id, "certificate.json") for one in known)
    return released_before((one for one in contents if one is not None), study["study_uid"])


def released_before(contents: Iterable[bytes], study_uid: str) -> frozenset[str]:
    """Return the SOP Instance UIDs that certificates say were released of a study."""
    certificates = (opened(content).certificate for content in contents)
    return frozenset(
        PurePosixPath(file.path).stem
        for one in certificates
        if one.study.uid == study_uid
        for file in one.study.files
    )


def uncovered_told(objects: int) -> str:
    """Return what is to be known of objects that stand at the destination besides, empty for none."""
    if not objects:
        return ""
    many = "1 object stands" if objects == 1 else f"{objects} objects stand"
    return f"{many} there that this certificate does not cover: of an earlier release of the study."


def _holds_on(known: SignedCertificate, delivered: Mapping[str, Any]) -> bool:
    """Return whether a certificate is of this delivery, or of one that it would say the same of."""
    now, before = _delivery(delivered), known.certificate.delivery
    if before is None or before.read_back is None or now.read_back is None:
        return False
    as_before = replace(now, at=before.at, read_back=replace(now.read_back, at=before.read_back.at))
    stored = {
        PurePosixPath(file.path).stem: file.sha256_stored
        for file in known.certificate.study.files
        if file.sha256_stored is not None
    }
    is_same_content = stored == delivered["stored"] and before == as_before
    return is_same_content and (before == now or not delivered["sent"])


def _delivery(delivered: Mapping[str, Any]) -> Delivery:
    """Return what a certificate says of a delivery.

    Where files were written anew and no attribute was changed, it is the file meta information (PS3.10 7.1).
    """
    at = datetime.fromisoformat(delivered["at"]).replace(microsecond=0)
    rewritten = len(delivered["stored"])
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
            identical=instances - rewritten,
            changes=tuple(_change(tag, times, instances) for tag, times in sorted(changes.items()))
            or _written_anew(rewritten),
            uncovered=delivered["uncovered"],
        ),
    )


def _written_anew(files: int) -> tuple[DeclaredChange, ...]:
    return (DeclaredChange("0002,0000", keyword_for_tag(0x00020000), _WRITTEN_ANEW, files),) if files else ()


def _change(tag: str, times: int, instances: int) -> DeclaredChange:
    tag = tag.upper()
    keyword = keyword_for_tag(int(tag.replace(",", ""), 16))
    return DeclaredChange(tag, keyword, _CHANGES.get(tag, _LEFT_OUT), min(times, instances))
