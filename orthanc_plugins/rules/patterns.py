"""Patterns with ``*`` and ``?``, as people write them."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache


def matches(pattern: str, value: str, *, ignore_case: bool = True) -> bool:
    r"""Return whether a value is as a pattern says: ``*`` stands for any characters, ``?`` for one.

    Nothing else has a meaning of its own. The whole value must match; of several values of one element, which
    backslashes part (PS3.5 6.2), the whole or one of them. What is empty or absent matches the empty pattern
    alone: ``*`` asks for some value. Padding does not count.

    >>> matches("*thorax*", "CT THORAX [low dose]"), matches("thorax", "CT THORAX"), matches("*", " ")
    (True, False, False)
    >>> matches("axial", "ORIGINAL\\PRIMARY\\AXIAL"), matches("ct?", "CT1"), matches("", "")
    (True, True, True)
    """
    value = value.strip(" \0")
    if not value or not pattern:
        return not value and not pattern
    expression = _expression(pattern, ignore_case)
    return any(expression.fullmatch(one.strip(" ")) for one in (value, *value.split("\\")))


@lru_cache(maxsize=1024)
def _expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    # fnmatch tries each star once only, so that no pattern takes long; a bracket is to mean itself.
    translated = fnmatch.translate(pattern.replace("[", "[[]"))
    return re.compile(translated, re.IGNORECASE if ignore_case else re.NOFLAG)
