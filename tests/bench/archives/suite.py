"""The suite's own parts over a pair of archives, joined as its worker joins them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings
from orthanc_plugins.store import create_store_engine, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.services import Services
    from tests.bench.archives.pair import Pair


@contextmanager
def suite_over(pair: Pair) -> Iterator[Services]:
    """Yield services with a store that knows nothing of the archives yet."""
    data = pair.folder / "suite"
    shutil.rmtree(data, ignore_errors=True)
    (data / "store").mkdir(parents=True)
    section = {
        "DataDirectory": str(data),
        "Orthanc": {"Url": pair.orthanc.url},
        "Dcm4chee": {"Url": pair.dcm4chee.url, "DicomPort": pair.dcm4chee.dicom_port},
    }
    if pair.server is not None:
        section["DatabaseUrl"] = pair.server.new_database()
    settings = load_settings({"PacsSuite": section}, {})
    engine = create_store_engine(settings.store_url)
    migrate(engine)
    engine.dispose()
    services = build_services(settings, None)
    try:
        yield services
    finally:
        services.close()
