"""DicomEdit 6: its words and what a script is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class DicomEditError(Exception):
    """A script that cannot be read, or cannot be carried out; no value of an object stands in its text."""


class RejectedError(Exception):
    """The script asked for this instance to be dropped (``reject[]``)."""


@dataclass(frozen=True)
class Token:
    """A word of a script."""

    kind: str
    """``string``, ``tag``, ``wild``, ``number``, ``name``, ``end`` (of a line) or the sign itself."""
    text: str
    line: int


@dataclass(frozen=True)
class Wildcard:
    """A step of a path that stands for levels: ``*`` none or more, ``+`` one or more, ``.`` exactly one."""

    sign: str


@dataclass(frozen=True)
class Level:
    """A step of a path that names attributes, and items when they are sequences."""

    group: str
    """Four hexadecimal digits; ``X`` is any digit, ``@`` an even and ``#`` an odd one."""
    element: str
    """Likewise; two digits when a private creator is named."""
    creator: str | None = None
    item: int | None = None
    """The item, counted from nought; None is all of them."""

    @property
    def is_exact(self) -> bool:
        """Whether one attribute is meant and no more."""
        return re.fullmatch("[0-9A-F]{4}", self.group) is not None and (
            re.fullmatch("[0-9A-F]{2,4}", self.element) is not None
        )


@dataclass(frozen=True)
class TagPath:
    """Where attributes are: steps from the root of a data set."""

    steps: tuple[Wildcard | Level, ...]

    @property
    def is_exact(self) -> bool:
        """Whether it can be created: no wildcard in it."""
        return all(isinstance(step, Level) and step.is_exact for step in self.steps)


@dataclass(frozen=True)
class Text:
    """A string or a number."""

    value: str


@dataclass(frozen=True)
class Variable:
    """A name: project, subject, session or one the script has made."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    line: int


type Expression = Text | Variable | TagPath | Call


@dataclass(frozen=True)
class Assignment:
    """``target := value``, or ``?=``, which touches only what is there."""

    target: TagPath | Variable
    value: Expression
    only_present: bool
    line: int


@dataclass(frozen=True)
class Deletion:
    """``-(gggg,eeee)``."""

    path: TagPath


@dataclass(frozen=True)
class Test:
    """``left = right``, ``!=``, ``~`` (matches) or ``!~``."""

    left: Expression
    sign: str
    right: Expression


@dataclass(frozen=True)
class Choice:
    """``test ? statement : statement``, or ``if``/``elseif``/``else``."""

    test: Test
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


type Statement = Assignment | Deletion | Call | Choice

_HEX = "[0-9A-Fa-fXx@#]"
_TOKEN = re.compile(
    rf"""(?P<skip>[ \t\r]+|//[^\n]*)
       |(?P<end>\n)
       |(?P<string>"(?:[^"\\\n]|\\.)*")
       |(?P<tag>\({_HEX}{{4}},\s*(?:{_HEX}{{4}}|\{{[^}}\n]+\}}{_HEX}{{2}})\))
       |(?P<wild>[*+.]/)
       |(?P<number>\d+(?:\.\d+)?)
       |(?P<name>[A-Za-z_]\w*)
       |(?P<sign>:=|\?=|!=|!~|[=~?:\-\[\],/{{}}()%])""",
    re.VERBOSE,
)


def tokens_of(script: str) -> list[Token]:
    """Return the words of a script; ends of lines inside brackets are none.

    Raises
    ------
    DicomEditError
        Something that no word of the language begins with.
    """
    return list(_tokens(script))


def _tokens(script: str) -> Iterator[Token]:
    place, line, depth = 0, 1, 0
    while place < len(script):
        match = _TOKEN.match(script, place)
        if match is None or match.lastgroup is None:
            raise DicomEditError(f"line {line}: unexpected character {script[place]!r}")
        kind, text, place = match.lastgroup, match[0], match.end()
        if kind == "end":
            if not depth:
                yield Token("end", "", line)
            line += 1
        elif kind != "skip":
            depth += (text == "[") - (text == "]")
            yield Token(text if kind == "sign" else kind, text, line)
    yield Token("end", "", line)


def unquoted(text: str) -> str:
    r"""Return what a quoted string says.

    >>> unquoted(r'"a \"b\""')
    'a "b"'
    """
    return re.sub(r"\\(.)", r"\1", text[1:-1])
