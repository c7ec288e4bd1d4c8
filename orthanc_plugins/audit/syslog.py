"""Events as messages of syslog (RFC 5424), as DICOM sends them (PS3.15 A.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.audit.codes import Outcome
from orthanc_plugins.audit.dicom_xml import to_dicom_xml
from orthanc_plugins.errors import AuditError

if TYPE_CHECKING:
    from orthanc_plugins.audit.events import AuditEvent

_DICOM_MESSAGE = "DICOM+RFC3881"
"""What a message is, by its identifier (PS3.15 A.6)."""

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
    message_id: str = _DICOM_MESSAGE

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
