"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

_MODULES = (
    *("archive", "dicomedit.functions", "dicomedit.language", "document", "header", "joining"),
    "outside",
)


@pytest.mark.parametrize("name", _MODULES)
def test_examples(name: str) -> None:
    outcome = doctest.testmod(import_module(f"xnat_standin.{name}"))
    assert outcome.attempted
    assert not outcome.failed
