"""The form of every section of the settings."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.alias_generators import to_pascal

SECTION = ConfigDict(
    alias_generator=to_pascal,
    populate_by_name=True,
    extra="forbid",
    frozen=True,
    hide_input_in_errors=True,
)
"""Keys in PascalCase, none that nobody reads; a value is never in the text of an error."""
