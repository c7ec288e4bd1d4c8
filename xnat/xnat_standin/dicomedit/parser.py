"""DicomEdit 6: from words to statements."""

from __future__ import annotations

import re

from xnat_standin.dicomedit.language import (
    Assignment,
    Call,
    Choice,
    Deletion,
    DicomEditError,
    Expression,
    Level,
    Statement,
    TagPath,
    Test,
    Text,
    Token,
    Variable,
    Wildcard,
    tokens_of,
    unquoted,
)

NEWEST = (6, 6)
"""The newest version of the language that is known here, with XNAT 1.8.10."""
_TAG = re.compile(r"\((?P<group>.{4}),\s*(?:\{(?P<creator>[^}]+)\})?(?P<element>.{2,4})\)")
_FIRST_IF = (6, 4)
_FIRST_ONLY_PRESENT = (6, 5)


def parse(script: str, supported: tuple[int, int] = NEWEST) -> tuple[Statement, ...]:
    """Return the statements of a script.

    Parameters
    ----------
    script
        Its text; the first statement must be its version.
    supported
        The newest version of the language that the site knows.

    Raises
    ------
    DicomEditError
        It has no version (grammar of DicomEdit 4), a newer one than is supported, or a line that is none.
    """
    return _Parser(tokens_of(script), supported).script()


class _Parser:
    """Reads words one after the other; one word is looked ahead."""

    def __init__(self, tokens: list[Token], supported: tuple[int, int]) -> None:
        self._tokens = tokens
        self._place = 0
        self._supported = supported

    def script(self) -> tuple[Statement, ...]:
        self._skip_ends()
        self._version()
        statements = []
        self._skip_ends()
        while self._place < len(self._tokens):
            statements.append(self._statement())
            self._take("end")
            self._skip_ends()
        return tuple(statements)

    def _version(self) -> None:
        token = self._peek()
        if token is None or (token.kind, token.text) != ("name", "version"):
            raise DicomEditError("no version: a script of DicomEdit 4, which is not supported")
        self._take("name")
        text = unquoted(self._take("string").text)
        match = re.fullmatch(r"(\d+)\.(\d+)(?:\.\d+)?", text)
        if match is None or not (6, 0) <= (int(match[1]), int(match[2])) <= self._supported:
            raise DicomEditError(f"version {text} is not supported")
        self._take("end")

    def _statement(self) -> Statement:
        token = self._peek()
        if token is not None and token.kind == "-":
            self._take("-")
            return Deletion(self._path())
        if token is not None and token.text == "if":
            self._needs(_FIRST_IF, "if")
            return self._block_choice()
        left = self._expression()
        following = self._peek()
        kind = following.kind if following else "end"
        if kind in {":=", "?="}:
            return self._assignment(left)
        if kind in {"=", "!=", "~", "!~"}:
            return self._line_choice(left)
        if isinstance(left, Call):
            return left
        raise self._unexpected()

    def _assignment(self, left: Expression) -> Assignment:
        sign = self._tokens[self._place]
        self._take(sign.kind)
        if sign.kind == "?=":
            self._needs(_FIRST_ONLY_PRESENT, "?=")
        if not isinstance(left, TagPath | Variable):
            raise DicomEditError(f"line {sign.line}: nothing can be assigned to this")
        return Assignment(left, self._expression(), sign.kind == "?=", sign.line)

    def _line_choice(self, left: Expression) -> Choice:
        test = self._test(left)
        self._take("?")
        then = self._statement()
        otherwise: tuple[Statement, ...] = ()
        if self._is_next(":"):
            self._take(":")
            otherwise = (self._statement(),)
        return Choice(test, (then,), otherwise)

    def _block_choice(self) -> Choice:
        self._take("name")
        self._take("(")
        test = self._test(self._expression())
        self._take(")")
        then = self._block()
        place = self._place
        self._skip_ends()
        token = self._peek()
        if token is not None and token.text == "elseif":
            return Choice(test, then, (self._block_choice(),))
        if token is not None and token.text == "else":
            self._take("name")
            return Choice(test, then, self._block())
        self._place = place
        return Choice(test, then, ())

    def _block(self) -> tuple[Statement, ...]:
        self._take("{")
        self._skip_ends()
        statements = []
        while not self._is_next("}"):
            statements.append(self._statement())
            if not self._is_next("}"):
                self._take("end")
            self._skip_ends()
        self._take("}")
        return tuple(statements)

    def _test(self, left: Expression) -> Test:
        token = self._peek()
        if token is None or token.kind not in {"=", "!=", "~", "!~"}:
            raise self._unexpected()
        self._take(token.kind)
        return Test(left, token.kind, self._expression())

    def _expression(self) -> Expression:
        token = self._peek()
        if token is None:
            raise self._unexpected()
        if token.kind in {"tag", "wild"}:
            return self._path()
        if token.kind == "string":
            return Text(unquoted(self._take("string").text))
        if token.kind in {"number", "-"}:
            sign = self._take("-").text if token.kind == "-" else ""
            return Text(sign + self._take("number").text)
        self._take("name")
        return self._call(token) if self._is_next("[") else Variable(token.text)

    def _call(self, name: Token) -> Call:
        self._take("[")
        arguments: list[Expression] = []
        while not self._is_next("]"):
            if arguments:
                self._take(",")
            arguments.append(self._expression())
        self._take("]")
        return Call(name.text, tuple(arguments), name.line)

    def _path(self) -> TagPath:
        steps: list[Wildcard | Level] = []
        while True:
            if self._is_next("wild"):
                steps.append(Wildcard(self._take("wild").text[0]))
                continue
            steps.append(self._level())
            if not self._is_next("/"):
                return TagPath(tuple(steps))
            self._take("/")

    def _level(self) -> Level:
        match = _TAG.fullmatch(self._take("tag").text)
        assert match is not None
        return Level(match["group"].upper(), match["element"].upper(), match["creator"], self._item())

    def _item(self) -> int | None:
        if not self._is_next("["):
            return None
        self._take("[")
        token = self._peek()
        item = None
        if token is not None and token.kind == "%":
            self._take("%")
        else:
            item = int(self._take("number").text)
        self._take("]")
        return item

    def _needs(self, version: tuple[int, int], what: str) -> None:
        if self._supported < version:
            raise DicomEditError(f"{what} came with version {version[0]}.{version[1]}")

    def _peek(self) -> Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _is_next(self, kind: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == kind

    def _take(self, kind: str) -> Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._unexpected()
        self._place += 1
        return token

    def _skip_ends(self) -> None:
        while self._is_next("end"):
            self._place += 1

    def _unexpected(self) -> DicomEditError:
        token = self._peek()
        if token is None or token.kind == "end":
            line = token.line if token else self._tokens[-1].line
            return DicomEditError(f"line {line}: it ends too early")
        return DicomEditError(f"line {token.line}: unexpected {token.text!r}")
