"""The client of DCM4CHEE against recorded answers: what the stand-in cannot do, what went wrong elsewhere.

Each case says in its file what it is and where it was read.
"""

from __future__ import annotations

import pytest

from tests.contract.dcm4chee_client.clients import Waits


@pytest.fixture
def waits() -> Waits:
    return Waits()
