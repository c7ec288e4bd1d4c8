"""A date as people write it: the needles for a birth date in free text."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.needle import Needle

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOSE = r"[\W_]{0,2}"
_APART = r"[\W_]{1,2}"
_WORD_APART = r"(?:st|nd|rd|th|er)?[\W_]{0,2}"
_MONTHS = (
    "january januar janvier janner jaenner janv jan enero ene",
    "february februar fevrier febrero feb fevr fev",
    "march marzo marz maerz mars mar",
    "april avril abril apr avr abr",
    "may mayo mai maggio",
    "june juni juin junio jun",
    "july juli juillet julio juil jul",
    "august aout agosto aug ago",
    "september septembre septiembre sept sep",
    "october oktober octobre octubre oct okt",
    "november novembre noviembre nov",
    "december dezember decembre diciembre dec dez dic",
)


def date_of(value: str) -> date | None:
    """Return the day of a value of VR DA or DT, or of the form of ACR-NEMA; None where it is no whole day.

    >>> date_of("19610503"), date_of("1961.05.03"), date_of("1961")
    (datetime.date(1961, 5, 3), datetime.date(1961, 5, 3), None)
    """
    found = re.match(r"\s*(\d{4})[-./]?(\d\d)[-./]?(\d\d)", value)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def written_forms(day: date) -> Iterator[Needle]:
    """Yield what to search for, for the ways to write a day.

    Year first, day first and month first, with and without separators, years of two digits, months in
    English, German, French, Spanish and Italian.
    """
    year, short = f"{day:%Y}", f"{day:%y}"
    numbers = _bounded(_in_numbers(day, year, f"(?:{year}|{short})"))
    essentials = (
        f"{year}0",
        f"{year}{day.month}",
        f"{short}{day:%m}",
        *(f"{part}{end}" for part in (day.day, day.month) for end in (year, short)),
    )
    yield from (Needle(essential, numbers) for essential in essentials)
    months = _MONTHS[day.month - 1].split()
    named = _bounded(_in_words(day, year, f"(?:{year}|{short})", f"(?:{'|'.join(months)})"))
    shortest = (month for month in months if not any(other != month and other in month for other in months))
    yield from (Needle(month, named) for month in shortest)


def _in_numbers(day: date, year: str, years: str) -> list[str]:
    d, m = f"{day:%d}", f"{day:%m}"
    bare_d, bare_m = f"0?{day.day}", f"0?{day.month}"
    return [
        f"{years}{_LOOSE}{m}{_LOOSE}{d}",
        f"{d}{_LOOSE}{m}{_LOOSE}{years}",
        f"{m}{_LOOSE}{d}{_LOOSE}{years}",
        f"{year}{_APART}{bare_m}{_APART}{bare_d}",
        f"{bare_d}{_APART}{bare_m}{_APART}{years}",
        f"{bare_m}{_APART}{bare_d}{_APART}{years}",
    ]


def _in_words(day: date, year: str, years: str, month: str) -> list[str]:
    number = f"0?{day.day}"
    return [
        f"{number}{_WORD_APART}{month}{_LOOSE}{years}",
        f"{month}{_LOOSE}{number}{_WORD_APART}{years}",
        f"{year}{_LOOSE}{month}{_LOOSE}{number}",
    ]


def _bounded(forms: list[str]) -> str:
    return rf"(?<!\d)(?:{'|'.join(forms)})(?!\d)"
