"""deid with the recipe of a file, or with its own when none is named: ``… run_deid [RECIPE]``.

The functions that a recipe may name: ``new_uid`` and ``dummy``, by the representation of what they replace.
"""

from __future__ import annotations

import sys
import uuid
from importlib import import_module
from typing import Any

from tests.bench.deid.drivers.serving import one_by_one, serve

_DUMMIES = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "PN": "ANONYMOUS", "AS": "000Y"}
_NUMBERS = {"DS", "IS", "FD", "FL", "SL", "SS", "UL", "US"}
_SALT = uuid.uuid4()


def new_uid(*, field: Any, **_: Any) -> Any:
    """Return one UID, or several, in the place of those of a field; the same for the same in this process."""
    old = field.element.value
    several = [old] if isinstance(old, str) else list(old or ())
    new = [f"2.25.{uuid.uuid5(_SALT, str(uid)).int}" for uid in several]
    return new[0] if len(new) == 1 else new


def dummy(*, field: Any, **_: Any) -> Any:
    """Return a value that says nothing."""
    representation = str(field.element.VR)
    if representation in _NUMBERS:
        return 0
    if representation in {"OB", "OW", "UN"}:
        return b"\0\0"
    return _DUMMIES.get(representation, "ANON")


def main(*recipe: str) -> None:
    """Serve its two steps: identifiers gathered, then replaced."""
    header = import_module("deid.dicom")
    chosen = import_module("deid.config").DeidRecipe(deid=recipe[0]) if recipe else None
    functions = {"new_uid": new_uid, "dummy": dummy}

    def anonymise(source: str, target: str) -> None:
        ids = header.get_identifiers([source])
        for found in ids.values():
            found.update(functions)
        (dataset,) = header.replace_identifiers(
            [source], ids=ids, deid=chosen, save=False, remove_private=True
        )
        dataset.save_as(target)

    serve(one_by_one(anonymise))


if __name__ == "__main__":
    main(*sys.argv[1:])
