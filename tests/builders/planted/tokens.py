"""Values that occur nowhere else, each told apart by its bytes.

No value is part of another, and no UID holds eight digits in a row, which a date could be.
"""

from __future__ import annotations

import datetime as dt
import itertools

_CONSONANTS, _VOWELS = "bdfgjkmnprstvwxz", "aeiou"
_SYLLABLES = [first + second for first in _CONSONANTS for second in _VOWELS]
_FIRST_DAY = dt.date(1925, 1, 1)
_DAYS = 35_000
_STRIDE = 10_007
"""Prime, and no divisor of the number of days: steps of it meet every day once."""
_ROOT = "1.3.6.1.4.1.47779"


class Tokens:
    """A source of unique values: the same seed and the same order of calls give the same values."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._count = itertools.count(1 + seed * 50_000)
        self._days = itertools.count(seed * 7)
        self._uids: dict[str, str] = {}
        self.issued: dict[str, tuple[str, tuple[bytes, ...]]] = {}
        """Kind and encodings of every value handed out."""

    def issue(self, kind: str, value: str, *encodings: bytes) -> str:
        """Return a value, known from now on; without encodings it is ASCII."""
        assert value not in self.issued, "each value is handed out once"
        self.issued[value] = (kind, encodings or (value.encode("ascii"),))
        return value

    def word(self, kind: str) -> str:
        """Return a new word of eight letters, such as 'Kubatomi'; in other cases it is the same."""
        number = (next(self._count) * 7_654_321) % len(_SYLLABLES) ** 4
        letters = ""
        for _ in range(4):
            number, at = divmod(number, len(_SYLLABLES))
            letters += _SYLLABLES[at]
        cases = (letters.capitalize(), letters, letters.upper())
        return self.issue(kind, cases[0], *(case.encode("ascii") for case in cases))

    def capitals(self, kind: str) -> str:
        """Return a new word in capitals, as AE titles and code strings are written."""
        word = self.word(kind)
        del self.issued[word]
        return self.issue(kind, word.upper())

    def name(self, kind: str = "name") -> str:
        """Return a person's name of two new words (PS3.5 6.2, PN)."""
        return f"{self.word(kind)}^{self.word(kind)}"

    def phrase(self, kind: str, words: str = "seen by") -> str:
        """Return words around a new one, short enough for any text but SH."""
        return f"{words} {self.word(kind)}"

    def digits(self, kind: str = "id") -> str:
        """Return a new number of seven digits, as hospitals give."""
        return self.issue(kind, f"9{next(self._count) * 7_919_993 % 10**6:06d}")

    def phone(self) -> str:
        """Return a new telephone number, at most 16 characters."""
        number = next(self._count) * 7_919_993 % 10**7
        return self.issue("phone", f"+44 20 {number // 1000:04d} {number % 1000:03d}")

    def decimal(self, kind: str) -> str:
        """Return a new decimal number such as '171.48213'."""
        return self.issue(kind, f"{100 + next(self._count) % 90}.{next(self._count) * 7_919 % 10**5:05d}")

    def day(self, kind: str = "date", *, year: int | None = None) -> dt.date:
        """Return a new day between 1925 and 2020, or of a year; in other forms it is the same."""
        while True:
            day = _FIRST_DAY + dt.timedelta(days=next(self._days) * _STRIDE % _DAYS)
            if year in {None, day.year}:
                forms = (f"{day:%Y%m%d}", f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}")
                self.issue(kind, forms[0], *(form.encode("ascii") for form in forms))
                return day

    def date(self, kind: str = "date", *, year: int | None = None) -> str:
        """Return a new day as DICOM writes it (PS3.5 6.2, DA)."""
        return f"{self.day(kind, year=year):%Y%m%d}"

    def time(self) -> str:
        """Return a new time of day with a fraction of six digits (PS3.5 6.2, TM)."""
        number = next(self._count)
        hour, minute, second = 6 + number % 12, number // 12 % 60, number // 720 % 60
        return self.issue("time", f"{hour:02d}{minute:02d}{second:02d}.{number * 7_919 % 10**6:06d}")

    def moment(self, kind: str = "date") -> str:
        """Return a moment of a new day (PS3.5 6.2, DT); the value issued is the day."""
        return f"{self.date(kind)}{6 + next(self._count) % 12:02d}2233.1"

    def uid(self, role: str) -> str:
        """Return the UID of a role, the same each time."""
        if role not in self._uids:
            number = next(self._count)
            parts = (number * 7_919 % 10**6, number * 104_729 % 10**6, number)
            uid = f"{_ROOT}.{'.'.join(str(10**6 + part) for part in parts)}"
            self._uids[role] = self.issue("uid", uid)
        return self._uids[role]

    def fresh_uid(self) -> str:
        """Return a UID that nothing else carries."""
        return self.uid(f"fresh {len(self._uids)}")
