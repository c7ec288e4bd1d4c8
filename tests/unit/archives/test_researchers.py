"""Archives of the researchers' are opened as a project's settings say: with their own certificates, too."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.researchers import archive_of
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.rules.projects import ProjectDestination
from tests.fakes.faulty_archive import faulty_wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.archives.conftest import Parrot


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody knows, with its key."""
    path = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=researchers"
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(tmp_path / "out.pem")]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    path.write_bytes((tmp_path / "out.pem").read_bytes() + path.read_bytes())
    return path


@pytest.fixture
def port(parrot: Parrot, certificate: Path) -> Iterator[int]:
    """Where the server is reached by TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with faulty_wire(int(parrot.url.rpartition(":")[2]), tls) as wire:
        yield wire.port


def counts(kind: str, port: int, **more: Any) -> None:
    choice = ProjectDestination.model_validate({"kind": kind, "url": f"https://127.0.0.1:{port}", **more})
    archive = archive_of(choice)
    try:
        archive.counts()
    finally:
        archive.close()


STATISTICS = dict.fromkeys(
    ("CountPatients", "CountStudies", "CountSeries", "CountInstances", "TotalDiskSize", "TotalDiskSizeMB"), 1
)


def test_the_certificate_of_another_orthanc_is_trusted_by_its_file(
    parrot: Parrot, port: int, certificate: Path
) -> None:
    parrot.says(STATISTICS)
    counts("orthanc", port, ca_file=certificate, username="ann", password="secret")
    assert [(method, path) for method, path, _, _ in parrot.asked] == [("GET", "/statistics")]
    assert parrot.asked[0][2]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("kind", ["orthanc", "dicomweb"])
def test_a_certificate_that_nobody_knows_is_refused_and_said(kind: str, parrot: Parrot, port: int) -> None:
    parrot.says(STATISTICS)
    with pytest.raises(ArchiveRefused, match="certificate is not trusted"):
        counts(kind, port)
    assert parrot.asked == []
