"""A signed certificate as PDF, for reading and filing: what matters first, then the particulars.

Only the JSON can be verified; the PDF names it by its digest. The same certificate gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, KeepTogether, Spacer, Table

from orthanc_plugins.certificates import paper
from orthanc_plugins.certificates.certificate import Outcome
from orthanc_plugins.certificates.paper import shown
from orthanc_plugins.certificates.wording import FLAGGED, TITLE, Part, told
from orthanc_plugins.pages import ACCENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reportlab.platypus import Flowable

    from orthanc_plugins.certificates.certificate import Certificate
    from orthanc_plugins.certificates.signing import SignedCertificate

_LABEL_WIDTH = 42 * mm
_CODE_SIDE = 30 * mm
_SHORT_DIGEST = 16
_FEW_ROWS = 6
"""A part with no more facts than this stays on one page."""
_TO_VERIFY = (
    "Get the public key from the issuer by another way than this certificate, and compare the eight words. "
    "Then: pacs certificate verify FILE.json --key PUBLIC.pem --files FOLDER"
)
_AT_DESTINATION = {
    Outcome.RELEASED: ("checked", "and written down"),
    Outcome.SENT: ("sent", "not fetched back"),
    Outcome.CONFIRMED: ("confirmed", "at its destination"),
}


def pdf_of(envelope: SignedCertificate) -> bytes:
    """Return the PDF of a signed certificate; whether its signature holds is not looked at."""
    certificate = envelope.certificate
    software = f"Orthanc PACS Suite {certificate.policy.suite}"
    feet = (
        f"Certificate {certificate.digest[:_SHORT_DIGEST]} \u00b7 study {certificate.study.uid}",
        f"Issued by {software}. To verify: pacs certificate verify, with the certificate's JSON.",
    )
    pages = paper.CertificatePages(TITLE, certificate.study.uid, software, certificate.issued, feet)
    return pages.pdf(list(_story(envelope)))


def qr_text(envelope: SignedCertificate) -> str:
    """Return what the code for a camera says: digest, key and signature, enough to verify the JSON."""
    signature = envelope.signature
    return (f"PACS-CERTIFICATE-1:{envelope.certificate.digest}:{signature.key_id}:{signature.value}").upper()


def _story(envelope: SignedCertificate) -> Iterator[Flowable]:
    summary, *parts = told(envelope.certificate)
    yield _head(envelope)
    yield Spacer(0, 3 * mm)
    yield _figures(envelope.certificate)
    yield Spacer(0, 3 * mm)
    yield _box(summary)
    for part in parts:
        yield from _part(part)
    yield from _part(_signature(envelope))


def _head(envelope: SignedCertificate) -> Table:
    """Return title and claim, with the code for a camera beside them."""
    words = [
        shown(TITLE, paper.TITLE_STYLE, bold=True),
        Spacer(0, 3 * mm),
        shown(envelope.certificate.claim, paper.CLAIM_STYLE),
    ]
    return Table(
        [[words, paper.qr_code(qr_text(envelope), _CODE_SIDE)]],
        colWidths=(paper.WIDTH - _CODE_SIDE - 4 * mm, _CODE_SIDE + 4 * mm),
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("ALIGN", (1, 0), (1, 0), "RIGHT"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ],
    )


def _figures(certificate: Certificate) -> Table:
    """Return the four figures that a reader looks for, side by side."""
    faces = max((face.instances for face in certificate.faces), default=0)
    cells = [
        (f"{certificate.instances:,}", "files certified", False),
        (f"{len(certificate.verification.checks)}", "checks, without errors", False),
        (*_AT_DESTINATION[certificate.outcome], False),
        (f"{faces:,}", "objects may show a face", faces > 0),
    ]
    return Table(
        [[_figure(*cell) for cell in cells]],
        colWidths=[paper.WIDTH / len(cells)] * len(cells),
        style=[
            *paper.TABLE,
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
            *(("LINEBEFORE", (column, 0), (column, 0), 1.4, ACCENT) for column in range(len(cells))),
        ],
    )


def _figure(figure: str, caption: str, is_alarm: bool) -> list[Flowable]:
    style = paper.FIGURE_ALARMED if is_alarm else paper.FIGURE_STYLE
    return [shown(figure, style, bold=True), shown(caption, paper.LABEL)]


def _box(summary: Part) -> Table:
    """Return the summary; the claim stands above it already."""
    return _table(Part(summary.title, summary.facts[1:]), paper.BOXED)


def _part(part: Part) -> list[Flowable]:
    heading = shown(part.title, paper.HEADING_STYLE, bold=True)
    table = _table(part, paper.RULED)
    if len(part.facts) <= _FEW_ROWS:
        return [KeepTogether([heading, table])]
    return [CondPageBreak(40 * mm), heading, table]


def _table(part: Part, style: list[tuple[object, ...]]) -> Table:
    """Return facts beside their names; facts without names take the whole width."""
    if not any(name for name, _ in part.facts):
        return Table([[shown(fact)] for _, fact in part.facts], colWidths=(paper.WIDTH,), style=style)
    rows = [
        [shown(name, paper.LABEL), shown(fact, paper.ALARMED if fact.startswith(FLAGGED) else paper.BODY)]
        for name, fact in part.facts
    ]
    return Table(rows, colWidths=(_LABEL_WIDTH, paper.WIDTH - _LABEL_WIDTH), style=style)


def _signature(envelope: SignedCertificate) -> Part:
    signature = envelope.signature
    return Part(
        "Signature",
        (
            ("Certificate (SHA-256)", envelope.certificate.digest),
            ("Key", f"{signature.algorithm}, {signature.key_id}"),
            ("The key in words", signature.key.words),
            ("Public key", signature.public_key),
            ("Signature", f"{signature.value[:64]} {signature.value[64:]}"),
            ("To verify", _TO_VERIFY),
        ),
    )
