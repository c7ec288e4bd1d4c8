"""A stand-in for XNAT that all tests of this folder share; each makes a project of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.xnat.site import Site
from tests.xnat_process import running_xnat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.xnat_process import XnatProcess


@pytest.fixture(scope="session")
def xnat_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[XnatProcess]:
    with running_xnat(tmp_path_factory.mktemp("xnat"), idle_s=1) as process:
        yield process


@pytest.fixture
def site(xnat_process: XnatProcess) -> Iterator[Site]:
    """A client that is logged in, and a project of its own."""
    with Site(xnat_process) as client:
        client.no_site_script()
        yield client
        xnat_process.no_faults()
