"""How a project's patients are called: by the key alone, or by numbers of the register; fixed for good."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self

from orthanc_plugins.errors import CustodyError

type PatientKind = Literal["keyed", "numbered"]

_PREFIX = re.compile(r"[A-Z]{1,16}")
_FEWEST_DIGITS, _MOST_DIGITS = 3, 12


@dataclass(frozen=True)
class NumberForm:
    """How a number is written: capitals, then digits filled with zeros; more where they do not suffice.

    Raises
    ------
    CustodyError
        The prefix is not 1 to 16 capitals A to Z, or digits are not 3 to 12.

    >>> NumberForm().written(742), NumberForm("RT", 3).written(12345)
    ('ANON00742', 'RT12345')
    """

    prefix: str = "ANON"
    digits: int = 5

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix) or not _FEWEST_DIGITS <= self.digits <= _MOST_DIGITS:
            raise CustodyError(
                "A number is written as 1 to 16 capitals and 3 to 12 digits; this form is not."
            )

    def written(self, number: int) -> str:
        """Return a number as a pseudonym."""
        return f"{self.prefix}{number:0{self.digits}}"


@dataclass(frozen=True)
class PatientForm:
    """How patients of a project are called; ``numbers`` is None where their pseudonyms are keyed."""

    numbers: NumberForm | None = None

    @classmethod
    def of_kind(cls, kind: PatientKind) -> Self:
        """Return the form that is taken where only its kind is said.

        >>> PatientForm.of_kind("keyed").kind, PatientForm.of_kind("numbered").numbers
        ('keyed', NumberForm(prefix='ANON', digits=5))
        """
        return cls(NumberForm() if kind == "numbered" else None)

    @property
    def kind(self) -> PatientKind:
        """``keyed`` or ``numbered``."""
        return "keyed" if self.numbers is None else "numbered"


KEYED = PatientForm()
