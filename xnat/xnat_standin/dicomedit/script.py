"""DicomEdit 6: a script carried out on a data set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import empty_value_for_VR

from xnat_standin.dicomedit.functions import FUNCTIONS, hashed_uid
from xnat_standin.dicomedit.language import (
    Assignment,
    Call,
    Choice,
    Deletion,
    DicomEditError,
    RejectedError,
    TagPath,
    Text,
    Variable,
)
from xnat_standin.dicomedit.parser import NEWEST, parse
from xnat_standin.dicomedit.paths import found, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom.dataset import Dataset

    from xnat_standin.dicomedit.language import Expression, Statement, Test
    from xnat_standin.dicomedit.paths import Place

_NUMBERS: dict[str, Callable[[str], int | float]] = dict.fromkeys(("US", "UL", "SS", "SL", "UV", "SV"), int)
_NUMBERS |= dict.fromkeys(("FL", "FD"), float)
_NO_TEXT = {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "AT"}


class Script:
    """A script that can be read; `apply` carries it out.

    Parameters
    ----------
    text
        The script.
    supported
        The newest version of the language that the site knows.

    Raises
    ------
    DicomEditError
        It cannot be read, or calls what is not known.
    """

    def __init__(self, text: str, supported: tuple[int, int] = NEWEST) -> None:
        self._statements = parse(text, supported)
        self._supported = supported

    def apply(self, dataset: Dataset, variables: Mapping[str, str]) -> None:
        """Change a data set; variables are ``project``, ``subject`` and ``session``.

        Raises
        ------
        DicomEditError
            A statement cannot be carried out; the data set may be half changed.
        RejectedError
            The script drops this instance.
        """
        _Run(dataset, dict(variables), self._supported).statements(self._statements)
        if "SOPInstanceUID" in dataset and hasattr(dataset, "file_meta"):
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


class _Run:
    """One application of a script to one data set."""

    def __init__(self, dataset: Dataset, variables: dict[str, str], supported: tuple[int, int]) -> None:
        self._dataset = dataset
        self._variables = variables
        self._supported = supported
        self._procedures: dict[str, tuple[tuple[int, int], Callable[[Call], None]]] = {
            "removeAllPrivateTags": ((6, 0), self._remove_private),
            "hashUIDList": ((6, 6), self._hash_list),
            "removeTags": ((6, 6), self._remove_tags),
            "blankValues": ((6, 6), self._blank),
            "reject": ((6, 6), self._reject),
        }

    def statements(self, statements: tuple[Statement, ...]) -> None:
        """Carry statements out in their order."""
        for statement in statements:
            match statement:
                case Assignment():
                    self._assign(statement)
                case Deletion():
                    self._delete(statement.path)
                case Choice():
                    self.statements(statement.then if self._holds(statement.test) else statement.otherwise)
                case Call():
                    self._call(statement)

    def _assign(self, statement: Assignment) -> None:
        target = statement.target
        if isinstance(target, Variable):
            self._variables[target.name] = self._value(statement.value)
            return
        places = found(self._dataset, target) if statement.only_present else made(self._dataset, target)
        for place in places:
            _write(place, self._value(statement.value, place), statement.line)

    def _delete(self, path: TagPath) -> None:
        for place in found(self._dataset, path):
            del place.dataset[place.tag]

    def _call(self, call: Call) -> None:
        version, procedure = self._procedures.get(call.name, ((9, 9), None))
        if procedure is None or version > self._supported:
            raise DicomEditError(f"line {call.line}: unknown function {call.name}")
        procedure(call)

    def _holds(self, test: Test) -> bool:
        left, right = self._value(test.left), self._value(test.right)
        if test.sign in {"=", "!="}:
            return (left == right) == (test.sign == "=")
        try:
            matches = re.fullmatch(right, left) is not None
        except re.error:
            raise DicomEditError("a pattern that is no regular expression") from None
        return matches == (test.sign == "~")

    def _value(self, expression: Expression, here: Place | None = None) -> str:
        """Return what an expression says; `here` is the attribute that is being written."""
        match expression:
            case Text():
                return expression.value
            case Variable():
                if expression.name not in self._variables:
                    raise DicomEditError(f"unknown variable {expression.name}")
                return self._variables[expression.name]
            case TagPath():
                return self._read(expression, here)
            case Call():
                return self._called(expression, here)

    def _read(self, path: TagPath, here: Place | None) -> str:
        """Return the value of the first attribute of a path; the written one's if the path means it."""
        places = found(self._dataset, path)
        if here is not None and any(p.dataset is here.dataset and p.tag == here.tag for p in places):
            places = [here]
        if not places or places[0].tag not in places[0].dataset:
            return ""
        element = places[0].dataset[places[0].tag]
        if element.is_empty or element.VR in _NO_TEXT:
            return ""
        return "\\".join(str(one) for one in element.value) if element.VM > 1 else str(element.value)

    def _called(self, call: Call, here: Place | None) -> str:
        version, count, function = FUNCTIONS.get(call.name, ((9, 9), None, None))
        if function is None or version > self._supported:
            raise DicomEditError(f"line {call.line}: unknown function {call.name}")
        if count is not None and len(call.arguments) != count:
            raise DicomEditError(f"line {call.line}: {call.name} has {count} arguments")
        return function(*(self._value(argument, here) for argument in call.arguments))

    def _remove_private(self, call: Call) -> None:
        if call.arguments:
            raise DicomEditError(f"line {call.line}: removeAllPrivateTags has no arguments")
        self._dataset.remove_private_tags()

    def _hash_list(self, call: Call) -> None:
        for path in self._paths(call):
            for place in found(self._dataset, path):
                uid = str(place.dataset[place.tag].value or "")
                if uid:
                    place.dataset[place.tag].value = hashed_uid(uid)

    def _remove_tags(self, call: Call) -> None:
        for path in self._paths(call):
            self._delete(path)

    def _blank(self, call: Call) -> None:
        for path in self._paths(call):
            for place in found(self._dataset, path):
                element = place.dataset[place.tag]
                element.value = empty_value_for_VR(element.VR)

    def _paths(self, call: Call) -> list[TagPath]:
        paths = [argument for argument in call.arguments if isinstance(argument, TagPath)]
        if len(paths) != len(call.arguments):
            raise DicomEditError(f"line {call.line}: {call.name} has paths as arguments")
        return paths

    def _reject(self, _: Call) -> None:
        raise RejectedError


def _write(place: Place, text: str, line: int) -> None:
    """Write a value; one that its VR cannot have is an error."""
    dataset, tag = place
    try:
        vr = dataset[tag].VR if tag in dataset else dictionary_VR(tag)
    except KeyError:
        raise DicomEditError(f"line {line}: {tag} is not in the dictionary") from None
    if vr in _NO_TEXT or " or " in vr:
        raise DicomEditError(f"line {line}: nothing can be assigned to {tag}, a {vr}")
    parts = text.split("\\") if vr not in {"LT", "ST", "UT", "UR"} else [text]
    try:
        values = [_NUMBERS[vr](part) if vr in _NUMBERS else part for part in parts if text]
    except ValueError:
        raise DicomEditError(f"line {line}: {tag} is a number") from None
    if not values:
        dataset.add_new(tag, vr, empty_value_for_VR(vr))
    else:
        dataset.add_new(tag, vr, values[0] if len(values) == 1 else values)
