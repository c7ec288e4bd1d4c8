"""What an object says of its own de-identification (PS3.15 E.1.1 and E.3, PS3.3 C.7.1.1 and C.12.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.standard import EDITION, Option, method_code
from orthanc_plugins.deid.wire import ITEM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.wire import Encoding

BASIC, CLEAN_PIXELS, CLEAN_FEATURES = "113100", "113101", "113102"
OPTION_CODES = {
    Option.CLEAN_GRAPHICS: "113103",
    Option.CLEAN_STRUCTURED_CONTENT: "113104",
    Option.CLEAN_DESCRIPTORS: "113105",
    Option.RETAIN_LONGITUDINAL_FULL_DATES: "113106",
    Option.RETAIN_LONGITUDINAL_MODIFIED_DATES: "113107",
    Option.RETAIN_PATIENT_CHARACTERISTICS: "113108",
    Option.RETAIN_DEVICE_IDENTITY: "113109",
    Option.RETAIN_UIDS: "113110",
    Option.RETAIN_SAFE_PRIVATE: "113111",
    Option.RETAIN_INSTITUTION_IDENTITY: "113112",
}
"""CID 7050, De-identification Method."""
_METHODS = frozenset({BASIC, CLEAN_PIXELS, CLEAN_FEATURES, *OPTION_CODES.values()})
_DEIDENTIFYING_EQUIPMENT = ("109104", "DCM", "De-identifying Equipment")
"""CID 7005, Contributing Equipment."""
PRODUCT = "Orthanc PACS Suite"
_DIGEST_SHOWN = 32


def method_codes(profile: Profile, *, pixels_cleaned: bool) -> tuple[str, ...]:
    """Return the codes of what was applied, in ascending order."""
    codes = {BASIC, *(OPTION_CODES[option] for option in profile.options)}
    return tuple(sorted(codes | {CLEAN_PIXELS} if pixels_cleaned else codes))


def longitudinal(profile: Profile) -> str:
    """Return the value of Longitudinal Temporal Information Modified (0028,0303)."""
    if Option.RETAIN_LONGITUDINAL_FULL_DATES in profile.options:
        return "UNMODIFIED"
    return "MODIFIED" if Option.RETAIN_LONGITUDINAL_MODIFIED_DATES in profile.options else "REMOVED"


def markers(  # noqa: PLR0913 - each marks something of its own
    profile: Profile,
    encoding: Encoding,
    version: str,
    earlier: Iterable[tuple[str, str, str]] = (),
    *,
    pixels_cleaned: bool,
    is_document: bool = False,
) -> list[tuple[int, bytes]]:
    """Return the marking elements, encoded, by tag in ascending order.

    Parameters
    ----------
    version
        The suite's.
    earlier
        Value, scheme and meaning of methods that were applied before; codes of DICOM's own stay.
    pixels_cleaned
        The pixels were searched for text, and what was found was painted over.
    is_document
        It is a document, which was replaced by one that says nothing.
    """
    codes = dict.fromkeys(value for value, scheme, _ in earlier if scheme == "DCM" and value in _METHODS)
    codes |= dict.fromkeys(method_codes(profile, pixels_cleaned=pixels_cleaned))
    method = (
        f"{PRODUCT} {version}",
        f"PS3.15 {EDITION} Basic Profile, options of profile {profile.name}"[:64],
        f"policy {profile.digest[:_DIGEST_SHOWN]}",
    )
    elements = [
        (0x00120062, b"CS", b"YES"),
        (0x00120063, b"LO", "\\".join(method).encode()),
        (0x00120064, b"SQ", b"".join(_code_item(encoding, value) for value in codes)),
        (0x0018A001, b"SQ", _equipment(encoding, version)),
        *(((0x00280301, b"CS", b"NO"),) if pixels_cleaned or is_document else ()),
        (0x00280303, b"CS", longitudinal(profile).encode()),
    ]
    return [(tag, _element(encoding, tag, vr, value)) for tag, vr, value in elements]


def _element(encoding: Encoding, tag: int, vr: bytes, value: bytes) -> bytes:
    return encoding.element(tag, vr, value + b" " * (len(value) % 2))


def _code_item(encoding: Encoding, value: str) -> bytes:
    return _item(encoding, _code(encoding, *method_code(value)))


def _code(encoding: Encoding, value: str, scheme: str, meaning: str) -> bytes:
    return b"".join(
        _element(encoding, tag, vr, text.encode())
        for tag, vr, text in (
            (0x00080100, b"SH", value),
            (0x00080102, b"SH", scheme),
            (0x00080104, b"LO", meaning),
        )
    )


def _item(encoding: Encoding, content: bytes) -> bytes:
    return encoding.head(ITEM, b"", len(content)) + content


def _equipment(encoding: Encoding, version: str) -> bytes:
    """Return an item that names the suite as de-identifying equipment; no time, so runs are equal."""
    purpose = _item(encoding, _code(encoding, *_DEIDENTIFYING_EQUIPMENT))
    content = b"".join(
        (
            _element(encoding, 0x00080070, b"LO", PRODUCT.encode()),
            _element(encoding, 0x00181020, b"LO", version.encode()),
            encoding.element(0x0040A170, b"SQ", purpose),
        )
    )
    return _item(encoding, content)
