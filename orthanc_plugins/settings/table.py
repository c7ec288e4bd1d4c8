"""The settings as the README shows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orthanc_plugins.rules import DeidentificationProject, DeidentificationRule
from orthanc_plugins.settings.model import ENVIRONMENT_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


def settings_table() -> str:
    """Return all settings as the rows of a Markdown table: key, environment variable, default, meaning."""
    lines = ["| key | environment variable | default | meaning |", "|---|---|---|---|"]
    return "\n".join([*lines, *_rows(Settings, "", ENVIRONMENT_PREFIX)]) + "\n"


def deidentification_table() -> str:
    """Return what a project and a rule of de-identification hold, as a Markdown table with defaults."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for model, place in ((DeidentificationProject, "Projects[]."), (DeidentificationRule, "Rules[].")):
        lines += _fields(model, place)
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for field in model.model_fields.values():
        key = f"{prefix}{field.alias}"
        if isinstance(field.default, BaseModel):
            yield from _fields(type(field.default), f"{key}.")
        else:
            default = "must be given" if field.is_required() else _shown(field.default)
            yield f"| `{key}` | {default} | {field.description} |"


def _rows(section: type[BaseModel], key_prefix: str, variable_prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        key, variable = f"{key_prefix}{field.alias}", variable_prefix + name.upper()
        if isinstance(field.default, BaseModel):
            yield from _rows(type(field.default), f"{key}.", f"{variable}__")
        else:
            yield f"| `{key}` | `{variable}` | {_shown(field.default)} | {field.description} |"


def _shown(default: object) -> str:
    if default is None:
        return "not set"
    if isinstance(default, tuple):
        return f"`{json.dumps(default)}`"
    return f"`{json.dumps(default)}`" if isinstance(default, bool) else f"`{default}`"
