"""Which archives are compared, and how each is reached.

It knows nothing but the standard library: Orthanc's own process imports it.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TIMEOUT_S = 300.0
"""Seconds without a byte until a request counts as failed."""

TITLES = {ArchiveName.ORTHANC: "Orthanc", ArchiveName.DCM4CHEE: "DCM4CHEE"}
"""What the archives are called for people."""

_DICOM_ADDRESS = re.compile(r"(?P<aet>[^@]{1,16})@(?P<host>[^@\s]+):(?P<port>\d{1,5})")
_DICOM_WEB_OF_ORTHANC = "/dicom-web"
_ROOT_OF_DCM4CHEE = re.compile(r"(?P<root>.*/dcm4chee-arc)/aets/[^/]+/rs")
_HIGHEST_PORT = 65535


def _no_headers() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class DicomAddress:
    """Where an archive takes C-STORE (PS3.8): AE title, host and port; ``trust`` where it speaks TLS."""

    aet: str
    host: str
    port: int
    trust: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.aet}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Target:
    """One of the two archives.

    Parameters
    ----------
    name
        On which side it is.
    dicomweb
        Root of its DICOMweb, without a slash at the end: QIDO, WADO and STOW are asked there on both sides.
    management
        Root of what DICOMweb has no words for: Orthanc's REST API, or ``…/dcm4chee-arc``; empty where there
        is none.
    authorisation
        Returns headers to be sent with each request; called before the clock runs.
    dicom
        Where it takes C-STORE, None when that is not known.
    trust
        What its TLS is trusted by; the system's certificates when None.
    """

    name: ArchiveName
    dicomweb: str
    management: str
    authorisation: Callable[[], Mapping[str, str]] = field(default=_no_headers, repr=False)
    dicom: DicomAddress | None = None
    trust: ssl.SSLContext | None = None

    @property
    def title(self) -> str:
        """What it is called for people."""
        return TITLES[self.name]

    @property
    def host(self) -> str:
        """Name or address of its host."""
        return urlsplit(self.dicomweb).hostname or ""

    @property
    def port(self) -> int:
        """The port that its DICOMweb listens on."""
        parts = urlsplit(self.dicomweb)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def is_secure(self) -> bool:
        """Whether it is reached by TLS."""
        return urlsplit(self.dicomweb).scheme == "https"

    @property
    def is_on_loopback(self) -> bool:
        """Whether it can only be on this machine, going by its address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_on_this_machine(self) -> bool:
        """Whether its host has an address of this machine; one that is not known has none."""
        if self.is_on_loopback:
            return True
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except OSError:
            return False
        return any(_is_own(address[4][0]) for address in found)


def orthanc_target(
    url: str,
    authorisation: Callable[[], Mapping[str, str]] = _no_headers,
    *,
    dicom: DicomAddress | None = None,
    trust: ssl.SSLContext | None = None,
) -> Target:
    """Return Orthanc by the root of its REST API; its DICOMweb is below ``/dicom-web``."""
    root = url.rstrip("/")
    return Target(
        ArchiveName.ORTHANC, root + _DICOM_WEB_OF_ORTHANC, root, authorisation, dicom=dicom, trust=trust
    )


def dcm4chee_target(
    url: str,
    authorisation: Callable[[], Mapping[str, str]] = _no_headers,
    *,
    dicom: DicomAddress | None = None,
    trust: ssl.SSLContext | None = None,
) -> Target:
    """Return DCM4CHEE by the root of its DICOMweb, which ends in ``/dcm4chee-arc/aets/AET/rs``.

    Of an address that ends otherwise ``management`` is empty: such an archive cannot be measured.
    """
    parts = urlsplit(url)
    found = _ROOT_OF_DCM4CHEE.fullmatch(parts.path.rstrip("/"))
    management = urlunsplit((parts.scheme, parts.netloc, found["root"], "", "")) if found else ""
    return Target(ArchiveName.DCM4CHEE, url.rstrip("/"), management, authorisation, dicom=dicom, trust=trust)


def split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return an address without user and password, and these.

    >>> split_credentials("http://u:p@h:8042/x")
    ('http://h:8042/x', ('u', 'p'))

    Raises
    ------
    ConfigurationError
        It is no address of HTTP. The text does not repeat it: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(
            "An archive's address cannot be understood: check its host and port."
        ) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError("An archive's address is written http://HOST:PORT/… or https://HOST:PORT/….")
    place = f"[{host}]" if ":" in host else host
    plain = urlunsplit((parts.scheme, place if port is None else f"{place}:{port}", parts.path, "", ""))
    if parts.username is None:
        return plain, None
    return plain, (unquote(parts.username), unquote(parts.password or ""))


def basic_authorisation(user: str, password: str) -> Mapping[str, str]:
    """Return the header of basic authentication (RFC 7617)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {pair}"}


def trust_of(ca_file: Path | None) -> ssl.SSLContext | None:
    """Return what TLS is trusted by, for certificates (PEM) of an own authority.

    Raises
    ------
    ConfigurationError
        The file cannot be read.
    """
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificates of {ca_file} cannot be read: {error.strerror}."
        ) from error


def parse_dicom_address(text: str) -> DicomAddress:
    """Return what ``AET@HOST:PORT`` says.

    >>> parse_dicom_address("DCM4CHEE@archive:11112")
    DicomAddress(aet='DCM4CHEE', host='archive', port=11112)

    Raises
    ------
    ConfigurationError
        It is not written so.
    """
    found = _DICOM_ADDRESS.fullmatch(text)
    if not found or not 0 < int(found["port"]) <= _HIGHEST_PORT:
        raise ConfigurationError(f"A DICOM address is written AET@HOST:PORT, not {text}.")
    return DicomAddress(found["aet"], found["host"].strip("[]"), int(found["port"]))


def _is_own(address: str | int) -> bool:
    """Return whether an address is one of this machine's, by asking the system to bind to it."""
    text = str(address)
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((text, 0))
        except OSError:
            return False
    return True
