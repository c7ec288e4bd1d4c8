"""An element is judged by every sequence that it is in, however deep."""

from __future__ import annotations

import pytest

from orthanc_plugins.validation.claims import CLEAN_CONTENT, Claims
from orthanc_plugins.validation.comparison import CONTENT, is_kept_alive, is_private, is_remade

ROWS, ICON, PRIVATE, REFERENCED = 0x00280010, 0x00880200, 0x00291001, 0x00081115


@pytest.mark.parametrize("outside", [(), (REFERENCED, 3), (REFERENCED, 3, REFERENCED, 0)])
def test_what_is_in_a_private_or_droppable_sequence_is_so_itself(outside: tuple[int, ...]) -> None:
    assert is_private((*outside, PRIVATE, 0, ROWS))
    assert is_remade((*outside, ICON, 0, ROWS))
    assert not is_private((*outside, REFERENCED, 0x0029, ROWS))
    assert not is_remade((*outside, REFERENCED, ICON, ROWS))


@pytest.mark.parametrize("outside", [(), (REFERENCED, 3), (REFERENCED, 3, REFERENCED, 0)])
def test_content_is_kept_alive_where_that_is_claimed(outside: tuple[int, ...]) -> None:
    place = (*outside, CONTENT, 0, ROWS)
    assert is_kept_alive(place, Claims(frozenset({CLEAN_CONTENT}), "removed"))
    assert not is_kept_alive(place, Claims(frozenset(), "removed"))
    assert is_kept_alive((*outside, ROWS), Claims(frozenset(), "removed"))
