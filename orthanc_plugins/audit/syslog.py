"""Events as messages of syslog (RFC 5424), as DICOM and IHE send them (PS3.15 A.6, IHE ITI-20)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.audit.dicom_xml import to_dicom_xml
from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from orthanc_plugins.audit.events import AuditEvent

DICOM_MESSAGE, IHE_MESSAGE = "DICOM+RFC3881", "IHE+RFC-3881"
"""What a message is, for repositories that follow PS3.15 A.6 or IHE ITI-20."""

SURE_TO_BE_TAKEN_OCTETS = 32768
"""Messages up to here are taken by every repository of the standard (PS3.15 A.6)."""

_SECURITY_FACILITY = 10
_WARNING, _NOTICE = 4, 5
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELD = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Sender:
    """Who sends, as the header says it: at most 255, 48, 128 and 32 characters, printable and without spaces.

    Raises
    ------
    AuditError
        RFC 5424 does not allow it.
    """

    hostname: str
    process_id: str
    app_name: str = "orthanc-pacs-suite"
    message_id: str = DICOM_MESSAGE

    def __post_init__(self) -> None:
        longest = ((self.hostname, 255), (self.app_name, 48), (self.process_id, 128), (self.message_id, 32))
        if not all(_FIELD.fullmatch(text) and len(text) <= limit for text, limit in longest):
            raise AuditError(
                "Fields in the header of syslog are short, printable and without spaces (RFC 5424)."
            )


def to_syslog(event: AuditEvent, sender: Sender) -> bytes:
    """Return an event as one message: facility security, severity notice, or warning where it failed.

    The XML follows a byte order mark, which says that it is UTF-8 (RFC 5424 6.4).
    """
    severity = _NOTICE if event.occasion.outcome is Outcome.SUCCESS else _WARNING
    priority = 8 * _SECURITY_FACILITY + severity
    time = event.occasion.time.isoformat(timespec="milliseconds")
    header = (
        f"<{priority}>1 {time} {sender.hostname} {sender.app_name} {sender.process_id} {sender.message_id} - "
    )
    return header.encode("ascii") + _BYTE_ORDER_MARK + to_dicom_xml(event)


def octet_counted(message: bytes) -> bytes:
    """Return a message framed for TCP and TLS: its length, a space, itself (RFC 5425 4.3, RFC 6587 3.4.1)."""
    return b"%d %b" % (len(message), message)
