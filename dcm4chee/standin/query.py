"""A QIDO-RS request: what is asked, and what of it dcm4chee refuses (``QidoRS``, ``QueryAttributes``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from dcm4chee.standin.answers import RefusedError
from dcm4chee.standin.clock import bounds_of
from dcm4chee.standin.tags import PRIVATE_CREATOR_TAG, UnknownAttributeError, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOOLEAN = re.compile("true|false")
_FORMS = {
    "limit": re.compile(r"[1-9]\d{0,4}"),
    "offset": re.compile(r"0|[1-9]\d{0,4}"),
    "StudySizeInKB": re.compile(r"\d{1,9}(-\d{0,9})?|-\d{1,9}"),
    "ExpirationState": re.compile(
        "UPDATEABLE|FROZEN|REJECTED|EXPORT_SCHEDULED|FAILED_TO_EXPORT|FAILED_TO_REJECT"
    ),
    "patientVerificationStatus": re.compile("UNVERIFIED|VERIFIED|NOT_FOUND|VERIFICATION_FAILED"),
} | dict.fromkeys(
    (
        "fuzzymatching", "onlyWithStudies", "incomplete", "retrievefailed", "storageVerificationFailed",
        "metadataUpdateFailed", "compressionfailed", "merged", "includedefaults", "storageClustered",
        "storageExported", "allOfModalitiesInStudy", "template", "requested", "allmodified",
    ),
    _BOOLEAN,
)  # fmt: skip
"""Parameters with a form, which dcm4chee checks."""

_WORDS = """
accept access_token charset comparefield count deletionlock workitem different missing priority delete
filterbyscu storageVerificationPolicy storageVerificationUpdateLocationStatus storageVerificationStorageID
ExternalRetrieveAET ExternalRetrieveAET! batchID scheduledTime dicomDeviceName queue dcmQueueName
SplitStudyDateRange ForceQueryByStudyUID ExpirationDate storageID upsLabel upsScheduledTime readPixelData
updatePolicy reasonForModification sourceOfPreviousValues csvPatientID test ExporterID FreezeExpirationDate
irwf strategy retainObj"""
_TAKEN = frozenset(_WORDS.split())
"""Parameters that mean nothing to a query here, and are taken all the same."""

MOMENTS = {
    "StudyReceiveDateTime": "study.received",
    "StudyAccessDateTime": "study.updated",
    "PatientCreateDateTime": "patient.created",
    "SeriesReceiveDateTime": "series.received",
}
"""Filters on the archive's own times, and where these are kept."""

_LISTS_OF_FIELDS = frozenset({"includefield", "orderby"})
SENDING_AET = "SendingApplicationEntityTitleOfSeries"
_OF_SERIES = re.compile(r"(Sending|Receiving)(ApplicationEntityTitle|PresentationAddress|HL7\w+)OfSeries")
_RANGE = re.compile(r"(?P<first>[0-9.]*(?:\+\d{4}|-\d{4}(?=-))?)-(?P<last>[0-9.]*(?:[+-]\d{4})?)")


@dataclass(frozen=True)
class Query:
    """What is asked of one level."""

    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Values asked for by tag, any of which is enough; none match everything."""
    moments: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """First and last second by parameter of `MOMENTS`."""
    sending_aets: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    """The other parameters."""
    include: frozenset[str] = frozenset()
    include_all: bool = False
    private: bool = False
    """Whether the archive's own attributes (block 7777) are returned."""
    order: tuple[tuple[str, bool], ...] = ()
    """Tags to be ordered by, and whether downwards."""
    limit: int | None = None
    offset: int = 0

    def is_set(self, flag: str) -> bool:
        """Return whether a parameter is ``true``."""
        return self.flags.get(flag) == "true"


def parse_query(text: str) -> Query:
    """Return what a query string asks.

    Raises
    ------
    RefusedError
        400: a parameter or keyword is unknown, or a value has not its form. 501: the stand-in cannot do it.
    """
    values = _split(text)
    for name, given in values.items():
        form = _FORMS.get(name)
        if form is not None and not form.fullmatch(",".join(given)):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid Query Parameter {name}={','.join(given)}")
    if "modified" in values:
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "The stand-in for DCM4CHEE does not know modified=")
    include = _tags("includefield", values.get("includefield", ()))
    keys = dict(_keys(values))
    moments = {name: _interval(name, values[name]) for name in MOMENTS if name in values}
    sending = values.get(SENDING_AET, ())
    include_all = "all" in values.get("includefield", ())
    private = include_all or bool(moments) or any(_OF_SERIES.fullmatch(name) for name in values)
    limit = values.get("limit")
    return Query(
        keys=keys,
        moments=moments,
        sending_aets=sending,
        flags={name: given[0] for name, given in values.items() if name in _FORMS},
        include=frozenset(include) | keys.keys(),
        include_all=include_all,
        private=private or PRIVATE_CREATOR_TAG in include or PRIVATE_CREATOR_TAG in keys,
        order=tuple(_order(values.get("orderby", ()))),
        limit=int(limit[0]) if limit else None,
        offset=int(values.get("offset", ("0",))[0]),
    )


def _split(text: str) -> dict[str, tuple[str, ...]]:
    """Return the values by name: a comma that is not encoded stands between two, any comma between fields."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split("&")):
        name, _, value = part.partition("=")
        key = unquote_plus(name)
        values = [unquote_plus(one) for one in value.split(",")]
        if key in _LISTS_OF_FIELDS:
            values = [field for one in values for field in one.split(",")]
        found[key] = found.get(key, ()) + tuple(values)
    return found


def _keys(values: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    known = _FORMS.keys() | _TAKEN | MOMENTS.keys() | {"includefield", "orderby", "modified"}
    for name, given in values.items():
        if name in known or _OF_SERIES.fullmatch(name):
            continue
        (tag,) = _tags(name, (name,), f"{name}={given[0]}")
        asked = tuple(value for value in given if value)
        yield tag, () if any(set(value) <= {"*"} for value in asked) else asked


def _tags(parameter: str, names: tuple[str, ...], said: str | None = None) -> list[str]:
    found = []
    for name in names:
        if parameter == "includefield" and name in {"all", ""}:
            continue
        try:
            found.append(tag_of(name))
        except UnknownAttributeError as error:
            told = said or f"{parameter}={name}"
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid Query Parameter {told}") from error
    return found


def _order(names: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for name in filter(None, names):
        (tag,) = _tags("orderby", (name.removeprefix("-"),), f"orderby={name}")
        yield tag, name.startswith("-")


def _interval(name: str, given: tuple[str, ...]) -> tuple[float | None, float | None]:
    text = given[0]
    match = _RANGE.fullmatch(text)
    try:
        if match is None or _is_single(text):
            first, last = bounds_of(text)
            return first, last
        first_text, last_text = match["first"], match["last"]
        return (
            bounds_of(first_text)[0] if first_text else None,
            bounds_of(last_text)[1] if last_text else None,
        )
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid Query Parameter {name}={text}") from error


def _is_single(text: str) -> bool:
    """Return whether it is one moment with an offset to the west of UTC, such as ``20260101120000-0500``."""
    return re.fullmatch(r"\d{8,14}(\.\d+)?-(0\d|1[0-4])[03]0", text) is not None
