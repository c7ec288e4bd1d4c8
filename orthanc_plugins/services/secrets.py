"""Secrets of the settings, as the rooms below are handed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr


def told(secret: SecretStr | None) -> str:
    """Return a secret in plain, empty where there is none."""
    return "" if secret is None else secret.get_secret_value()
