"""DCM4CHEE behind TLS with a certificate of its own: trusted where it is given, refused where not."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import Transport
from orthanc_plugins.errors import ArchiveRefused
from tests.contract.dcm4chee_studies import Study, client, states, stored
from tests.fakes.faulty_archive import faulty_wire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin import StandIn


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=archive",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_its_own_certificate_is_trusted_for_dicomweb_and_dicom(
    standin: StandIn, tls: ssl.SSLContext, certificate: tuple[Path, Path]
) -> None:
    by_web, by_dicom = Study(), Study()
    with faulty_wire(standin.port, tls) as web, faulty_wire(standin.dicom_port, tls) as dicom:
        url = standin.url.replace(f"http://127.0.0.1:{standin.port}", f"https://127.0.0.1:{web.port}")
        archive = client(standin, url, dicom_port=dicom.port, dicom_tls=True, ca_file=certificate[0])
        assert states(stored(archive, by_web)) == {"stored"}
        assert states(stored(archive, by_dicom, Transport.C_STORE)) == {"stored"}
        archive.close()


def test_a_certificate_that_is_not_trusted_is_refused_and_said(standin: StandIn, tls: ssl.SSLContext) -> None:
    with faulty_wire(standin.port, tls) as web, faulty_wire(standin.dicom_port, tls) as dicom:
        url = standin.url.replace(f"http://127.0.0.1:{standin.port}", f"https://127.0.0.1:{web.port}")
        archive = client(standin, url, dicom_port=dicom.port, dicom_tls=True)
        with pytest.raises(ArchiveRefused, match="certificate is not trusted"):
            archive.counts()
        outcomes = stored(archive, Study(), Transport.C_STORE)
    assert states(outcomes) == {"refused"}
    assert "certificate is not trusted" in outcomes[0].detail
