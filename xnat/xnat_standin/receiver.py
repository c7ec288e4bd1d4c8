"""The DICOM receiver: AE title XNAT; what it takes is routed by its own attributes."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, AllStoragePresentationContexts, evt

from xnat_standin.answers import RefusedError
from xnat_standin.header import UnparsableError, read_header
from xnat_standin.receiving import Delivery

if TYPE_CHECKING:
    from xnat_standin.xnat import Xnat

AET = "XNAT"
_VERIFICATION = "1.2.840.10008.1.1"
_SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5"),
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"),
    "1.2.840.10008.1.2.4.90",
)
"""Little endian, RLE, JPEG, JPEG lossless, JPEG-LS and JPEG 2000."""
_LOGGER = logging.getLogger(__name__)
_SUCCESS, _CANNOT_UNDERSTAND, _OUT_OF_RESOURCES = 0x0000, 0xC000, 0xA700


def start_receiver(xnat: Xnat, port: int) -> Any:
    """Return a server that takes C-STORE and C-ECHO on a port; ``shutdown()`` ends it."""
    entity = AE(ae_title=AET)
    entity.require_called_aet = True
    entity.add_supported_context(_VERIFICATION)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), list(_SYNTAXES))

    def store(event: Any) -> int:
        return _store(xnat, event)

    return entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])


def _store(xnat: Xnat, event: Any) -> int:
    """Take an object; the status says nothing about the script's or the archive's later opinion."""
    with tempfile.NamedTemporaryFile(dir=xnat.configuration.build, delete=False) as file:
        path = Path(file.name)
        file.write(event.encoded_dataset())
    try:
        xnat.receiving.receive(path, read_header(path), Delivery())
    except UnparsableError:
        return _CANNOT_UNDERSTAND
    except RefusedError as error:
        _LOGGER.warning("An object that came by C-STORE was not taken: %s", error.message)
        return _OUT_OF_RESOURCES
    finally:
        path.unlink(missing_ok=True)
    return _SUCCESS
