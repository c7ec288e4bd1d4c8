"""Each action tells a person what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.profile import load_profile, shipped_profiles

if TYPE_CHECKING:
    from orthanc_plugins.deid.rules import Action


def actions() -> dict[str, Action]:
    """Return one of each kind of action that the shipped profiles use."""
    rules = [rule for name in shipped_profiles() for rule in compiled(load_profile(name)).rules.values()]
    return {type(rule.action).__name__: rule.action for rule in rules if rule.action is not None}


@pytest.mark.parametrize("name", sorted(actions()))
def test_an_action_describes_itself_in_a_line(name: str) -> None:
    text = actions()[name].describe()
    assert 20 < len(text) < 300
    assert "\n" not in text
    assert not text.endswith(".")


def test_no_two_actions_describe_themselves_alike() -> None:
    texts = [action.describe() for action in actions().values()]
    assert len(set(texts)) == len(texts)
