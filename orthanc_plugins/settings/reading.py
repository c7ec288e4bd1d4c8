"""Reads the settings from Orthanc's configuration and the environment, and says what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.settings.model import ENVIRONMENT_PREFIX, Settings
from orthanc_plugins.settings.places import closest, known_fields, place_told, unknown_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

SECTION = "PacsSuite"
CONFIGURATION_FILE_VARIABLE = "PACS_SUITE_CONFIGURATION"
"""Names the JSON file that holds the section, for processes that Orthanc does not host."""

_AET_OF_ORTHANC = "ORTHANC"
"""Orthanc's own default of ``DicomAet``."""


def load_settings(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings of Orthanc's configuration and the environment.

    Parameters
    ----------
    configuration
        Orthanc's whole configuration as parsed JSON: the section ``PacsSuite`` is read, and ``DicomAet``, the
        AE title by which the suite calls DCM4CHEE when no other is set.
    environment
        The process environment, looked at for misspelt variables (values are read by pydantic-settings).

    Raises
    ------
    ConfigurationError
        A key or variable is unknown, a setting stands there twice, or a value is not valid. The text names
        it, never its value.
    """
    _refuse_unknown_variables(environment)
    section = configuration.get(SECTION, {})
    if not isinstance(section, dict):
        raise ConfigurationError(f"{SECTION} in Orthanc's configuration is not a section in braces.")
    _refuse_twice(Settings, section, "")
    try:
        settings = Settings(**_by_key(section))
    except SettingsError as error:
        raise ConfigurationError(
            f"A variable {ENVIRONMENT_PREFIX}… must hold JSON and does not: {error}."
        ) from None
    except ValidationError as error:
        faults = " ".join(_told(fault, section, environment) for fault in error.errors(include_input=False))
        raise ConfigurationError(faults) from None
    if settings.dcm4chee.calling_aet is not None:
        return settings
    own = {"calling_aet": str(configuration.get("DicomAet", _AET_OF_ORTHANC))}
    return settings.model_copy(update={"dcm4chee": settings.dcm4chee.model_copy(update=own)})


def _by_key(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section by the keys of the settings, for whoever writes one in another case."""
    keys = {name.lower(): field.alias or name for name, field in Settings.model_fields.items()}
    keys |= {key.lower(): key for key in keys.values()}
    return {keys.get(key.lower(), key): value for key, value in section.items()}


def _refuse_twice(model: type[BaseModel], section: Mapping[str, Any], place: str) -> None:
    """Refuse a setting that stands in the section under two spellings: one of them would be lost."""
    for name, field in model.model_fields.items():
        spelled = [key for key in section if key.lower() in {name.lower(), (field.alias or name).lower()}]
        if len(spelled) > 1:
            named = " and ".join(f"{place}{key}" for key in spelled)
            raise ConfigurationError(
                f"The section {SECTION} of Orthanc's configuration has one setting twice, as {named}: "
                f"put all of it below {place}{field.alias}."
            )
        kind = field.annotation
        if spelled and isinstance(kind, type) and issubclass(kind, BaseModel):
            below = section[spelled[0]]
            if isinstance(below, dict):
                _refuse_twice(kind, below, f"{place}{field.alias}.")


def _told(fault: ErrorDetails, section: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Say what is wrong with a setting, and where it stands: in the environment or in the section."""
    place, is_unknown = fault["loc"], fault["type"] == "extra_forbidden"
    for variable, is_whole in _variables(place, environment):
        if is_whole and is_unknown:
            return _no_variable(variable, place)
        if is_whole:
            return f"The environment variable {variable} is not valid: {fault['msg']}."
        return f"The environment variable {variable} is not valid: {_fault_at(place, None, fault)}"
    where = f"The section {SECTION} of Orthanc's configuration is not valid"
    return f"{where}: {_fault_at(place, section, fault)}"


def _fault_at(place: Sequence[str | int], section: Any, fault: ErrorDetails) -> str:
    """Return what is wrong at a place of the settings, as a sentence."""
    if fault["type"] == "extra_forbidden":
        return unknown_told(place, section, Settings)
    return f"{place_told(place, section)}: {fault['msg']}."


def _no_variable(variable: str, place: Sequence[str | int]) -> str:
    """Say that an environment variable names no setting, and which variable may be meant.

    ``place`` is that of the setting, its last part the one that is not known.
    """
    parts = variable.split("__")
    unknown = ENVIRONMENT_PREFIX.count("__") + len(place) - 1
    close = closest(parts[unknown], (name.upper() for name in known_fields(Settings, place[:-1])))
    hint = ": check its spelling."
    if close is not None:
        hint = f"; did you mean {'__'.join((*parts[:unknown], close, *parts[unknown + 1 :]))}?"
    return f"The environment variable {variable} names no setting of the suite{hint}"


def _variables(place: Sequence[str | int], environment: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield the environment variables a setting may come from, and whether each is of it alone.

    One may hold a whole part of the section.
    """
    there = {name.upper(): name for name in environment}
    names = list(_names(Settings, place))
    for length in range(len(names), 0, -1):
        if found := there.get(ENVIRONMENT_PREFIX + "__".join(names[:length])):
            yield found, length == len(names)


def _names(model: type[BaseModel] | None, place: Sequence[str | int]) -> Iterator[str]:
    """Yield the parts of a setting's place as an environment variable has them."""
    for part in place:
        fields = model.model_fields if model is not None else {}
        name = next((name for name, field in fields.items() if part in {name, field.alias}), str(part))
        yield name.upper()
        kind = fields[name].annotation if name in fields else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the file that ``PACS_SUITE_CONFIGURATION`` names, for a process outside Orthanc.

    Raises
    ------
    ConfigurationError
        The file cannot be read or its content is not valid.
    """
    path = environment.get(CONFIGURATION_FILE_VARIABLE)
    if path is None:
        return load_settings({}, environment)
    try:
        configuration = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read as Orthanc's configuration in plain JSON: {error}."
        ) from error
    if not isinstance(configuration, dict):
        raise ConfigurationError(f"The configuration {path} is not a JSON object, as Orthanc's is.")
    return load_settings(configuration, environment)


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for variable in environment:
        if not variable.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        first_level = variable.upper().removeprefix(ENVIRONMENT_PREFIX).split("__")[0]
        if first_level not in known:
            raise ConfigurationError(_no_variable(variable, (first_level,)))
