"""What the tests of delivery to XNAT share: a client, a parcel, and what is stored of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives import BasicCredentials
from orthanc_plugins.archives.xnat import Xnat
from orthanc_plugins.archives.xnat_http import XnatHttp
from orthanc_plugins.delivery import Patience, XnatDestination
from scripts.lib.render import REPOSITORY
from tests.unit.delivery.parcels import SESSION, build_parcel
from tests.xnat_process import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.delivery import Parcel
    from tests.contract.xnat.site import Site

SCRIPT = (REPOSITORY / "xnat" / "project-script.das").read_text(encoding="utf-8")
CREDENTIALS = BasicCredentials("admin", PASSWORD)
HASTE = Patience(deadline_s=20, quiet_s=0.3, appear_s=1.5)
SECRETS = ("Oberhuber", "Änne", "HOSP-778812", "19471231", "ACC-55190", "Lindqvist", "Nordheim", "LINAC7")


@pytest.fixture
def xnat(site: Site) -> Iterator[Xnat]:
    with Xnat(XnatHttp(site.process.url, CREDENTIALS)) as client:
        yield client


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return build_parcel(tmp_path / "parcel")


def destination(site: Site, xnat: Xnat, **more: Any) -> XnatDestination:
    given: dict[str, Any] = {"script": SCRIPT, "patience": HASTE, **more}
    return XnatDestination(xnat, site.project, **given)


def stored_uids(site: Site) -> list[str]:
    """Return the SOP Instance UIDs of the session, one for each file."""
    uri = f"/data/projects/{site.project}/experiments/{SESSION}"
    names = [row["Name"] for row in site.rows(f"{uri}/scans/ALL/files")]
    found = site.downloaded(uri)
    assert len(names) == len(found)
    return sorted(found)


def uids_of(parcel: Parcel) -> list[str]:
    return sorted(file.sop_instance_uid for file in parcel.files)
