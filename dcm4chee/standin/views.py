"""Which objects an AE title of the archive shows (dcmQueryRetrieveViewID of ``dcm4chee-arc.ldif``)."""

from __future__ import annotations

from dataclasses import dataclass

QUALITY = "113001^DCM"
PATIENT_SAFETY = "113037^DCM"
INCORRECT_MWL = "113038^DCM"
RETENTION_EXPIRED = "113039^DCM"


@dataclass(frozen=True)
class View:
    """What one AE title shows.

    Parameters
    ----------
    shows_rejected
        Codes of which rejected objects are shown.
    only_rejected
        Whether all others are hidden.
    hides_notes
        Codes of which rejection notes are hidden.
    stores
        Whether objects are stored through it (STOW_RS).
    merges
        Whether what the archive holds is merged into what is retrieved.
    """

    shows_rejected: tuple[str, ...] = ()
    only_rejected: bool = False
    hides_notes: tuple[str, ...] = ()
    stores: bool = False
    merges: bool = True

    @property
    def condition(self) -> str:
        """What holds for a row of ``instance`` that is shown, in SQL."""
        shown = _among("instance.rejected", self.shows_rejected)
        visible = shown if self.only_rejected else f"(instance.rejected IS NULL OR {shown})"
        hidden = _among("COALESCE(instance.note, '')", self.hides_notes)
        return f"({visible} AND NOT {hidden})"


def _among(expression: str, codes: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{code}'" for code in codes)
    return f"({expression} IS NOT NULL AND {expression} IN ({listed}))"


VIEWS = {
    "DCM4CHEE": View(hides_notes=(RETENTION_EXPIRED,), stores=True),
    "WORKLIST": View(hides_notes=(RETENTION_EXPIRED,)),
    "AS_RECEIVED": View(
        shows_rejected=(QUALITY, PATIENT_SAFETY, INCORRECT_MWL, RETENTION_EXPIRED), merges=False
    ),
    "IOCM_REGULAR_USE": View(shows_rejected=(QUALITY,)),
    "IOCM_QUALITY": View(shows_rejected=(QUALITY,), only_rejected=True),
    "IOCM_PAT_SAFETY": View(shows_rejected=(PATIENT_SAFETY,), only_rejected=True),
    "IOCM_WRONG_MWL": View(shows_rejected=(INCORRECT_MWL,), only_rejected=True),
    "IOCM_EXPIRED": View(shows_rejected=(RETENTION_EXPIRED,), only_rejected=True),
}
