"""Settings of the suite by the names of its environment variables, as sections of ``PacsSuite``.

``ORTHANC__PACS_SUITE__ORTHANC__TIMEOUT_S=5`` is ``{"Orthanc": {"TimeoutS": "5"}}``. Only the standard
library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripts.lib.deployment import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "ORTHANC__PACS_SUITE__"

_OF_THE_SCRIPTS = {
    f"{PREFIX}DATA_DIRECTORY": "PACS_DATA, as a variable of every script",
    f"{PREFIX}WORKERS": "WORKERS",
    f"{PREFIX}PYTHON_EXECUTABLE": "the Python of the runtime, which is the only one here",
    f"{PREFIX}DCM4CHEE__URL": "DCM4CHEE_URL",
    f"{PREFIX}XNAT__URL": "XNAT_URL",
}
"""What the scripts have to know themselves, and how they are told."""


def suite_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return those of some variables that are settings of the suite and are not empty."""
    return {name.upper(): value for name, value in values.items() if value and is_suite_variable(name)}


def is_suite_variable(name: str) -> bool:
    """Return whether a variable is a setting of the suite."""
    return name.upper().startswith(PREFIX)


def put_into(section: dict[str, Any], variables: Mapping[str, str]) -> None:
    """Put settings into the section ``PacsSuite``, over what stands there.

    Raises
    ------
    DeploymentError
        One is not for the scripts to take, or must be JSON and is not. The text never holds a value.
    """
    for name in sorted(variables):
        if name in _OF_THE_SCRIPTS:
            raise DeploymentError(f"{name} is not for scripts/up: it takes {_OF_THE_SCRIPTS[name]}.")
        *places, key = map(_key, name[len(PREFIX) :].split("__"))
        below = section
        for place in places:
            below = below.setdefault(place, {})
            if not isinstance(below, dict):
                raise DeploymentError(f"{name}: {place} is given as a whole by another variable.")
        below[key] = _value(name, variables[name])


def _key(part: str) -> str:
    return "".join(word.capitalize() for word in part.split("_"))


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise DeploymentError(f"{name} must hold JSON and does not.") from error
