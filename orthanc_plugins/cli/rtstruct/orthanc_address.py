"""Structure sets of an Orthanc, by an address such as ``http://host:8042/studies/<id>``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from orthanc_plugins.errors import ArchiveUnavailable, ConfigurationError, NotFound
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE, OrthancId, is_dicom_uid, is_orthanc_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives import InstanceRecord, OrthancRest

USER_VARIABLE = "ORTHANC__PACS_SUITE__ORTHANC__USERNAME"
PASSWORD_VARIABLE = "ORTHANC__PACS_SUITE__ORTHANC__PASSWORD"  # noqa: S105 - its name, as in the service
_LEVELS = {"patients": "Patient", "studies": "Study", "series": "Series", "instances": "Instance"}
_RESOURCE = re.compile(rf"(?P<root>.*?)/(?P<level>{'|'.join(_LEVELS)})/(?P<identifier>[^/]+)")
_PAGE = 500


@dataclass(frozen=True)
class OrthancAddress:
    """An Orthanc, and what of it is meant: everything, or one patient, study, series or instance.

    ``root`` is the address of its REST API, without user and password, which are kept apart so that no
    message holds them. ``level`` is empty where everything is meant; ``identifier`` is Orthanc's own or a
    DICOM UID (for a patient, Orthanc's own).
    """

    root: str
    level: str = ""
    identifier: str = ""
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.root}{self.level and f'/{self.level}/{self.identifier}'}"

    def connect(self) -> OrthancRest:
        """Return a client of this Orthanc."""
        from orthanc_plugins.archives import OrthancRest  # noqa: PLC0415 - for addresses alone

        return OrthancRest(self.root, credentials=self.credentials)


def is_address(text: str) -> bool:
    """Return whether an input is an address rather than a path."""
    return text.casefold().startswith(("http://", "https://"))


def parse_address(text: str) -> OrthancAddress:
    """Return what an address says; user and password come from it or from the environment.

    Raises
    ------
    ConfigurationError
        It is none of the addresses there are. The text does not repeat it: it may hold a password.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError as error:
        raise ConfigurationError(
            "An Orthanc address cannot be understood: check its host and port."
        ) from error
    if not host:
        raise ConfigurationError("An Orthanc address names no host: write it as http://HOST:8042.")
    level, identifier, path = "", "", parts.path.rstrip("/")
    if found := _RESOURCE.fullmatch(path):
        path, level, identifier = found["root"], found["level"], unquote(found["identifier"])
    elif parts.query:
        level, identifier = "studies", "".join(parse_qs(parts.query).get("study", ()))
    if level and not (is_orthanc_id(identifier) or (level != "patients" and is_dicom_uid(identifier))):
        raise ConfigurationError(
            "An Orthanc address ends in none of /patients/ID, /studies/ID, /series/ID, /instances/ID and "
            "?study=UID: an ID is Orthanc's own, five groups of eight letters and digits, or a DICOM UID."
        )
    host = f"[{host}]" if ":" in host else host
    root = urlunsplit((parts.scheme.lower(), f"{host}{port}", path, "", ""))
    return OrthancAddress(root, level, identifier, _credentials(parts.username, parts.password))


def _credentials(user: str | None, password: str | None) -> tuple[str, str] | None:
    if user is not None:
        return unquote(user), unquote(password or "")
    from_environment = os.environ.get(USER_VARIABLE)
    if from_environment is None:
        return None
    return from_environment, os.environ.get(PASSWORD_VARIABLE, "")


def structure_sets(orthanc: OrthancRest, address: OrthancAddress) -> Iterator[InstanceRecord]:
    """Yield the RT Structure Sets of what an address means.

    Raises
    ------
    ArchiveUnavailable
        Orthanc does not answer.
    ArchiveRefused
        It does not hold what the address names, or refuses to say.
    """
    try:
        yield from _structure_sets(orthanc, address)
    except ArchiveUnavailable as error:
        if error.status is not None:
            raise
        text = f"{address.root} does not answer ({_why(error)}): is Orthanc running there?"
        raise ArchiveUnavailable(text, archive=error.archive) from error


def _why(error: BaseException) -> str:
    """Return what the system says of a connection that failed, else the kind of the first error there was."""
    first = error
    while (before := first.__cause__ or first.__context__) is not None:
        first = before
        if isinstance(first, TimeoutError):
            return "no answer in time"
        if isinstance(first, OSError) and first.strerror:
            return first.strerror.lower()
    return type(first).__name__


def _structure_sets(orthanc: OrthancRest, address: OrthancAddress) -> Iterator[InstanceRecord]:
    if address.level == "instances":
        record = orthanc.instance(_resource(orthanc, address))
        if orthanc.sop_class(record.orthanc_id) == RT_STRUCTURE_SET_STORAGE:
            yield record
        return
    for series in _series(orthanc, address):
        yield from orthanc.instances_of_series(series)


def _series(orthanc: OrthancRest, address: OrthancAddress) -> Iterator[OrthancId]:
    """Yield the series of structure sets."""
    if not address.level:
        for since in count(0, _PAGE):
            page = orthanc.find_structure_sets(since, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
    resource = _resource(orthanc, address)
    if address.level == "series":
        held = [orthanc.series(resource)]
    elif address.level == "studies":
        held = orthanc.series_of_study(resource)
    else:
        held = orthanc.series_of_patient(resource)
    yield from (series.orthanc_id for series in held if series.holds_structure_sets)


def _resource(orthanc: OrthancRest, address: OrthancAddress) -> OrthancId:
    if is_orthanc_id(address.identifier):
        return OrthancId(address.identifier)
    found = orthanc.lookup(address.identifier, _LEVELS[address.level])
    if len(found) != 1:
        what = "nothing" if not found else f"{len(found)} resources"
        raise NotFound(f"Orthanc holds {what} under {address}: use Orthanc's own ID.", archive="orthanc")
    return found[0]
