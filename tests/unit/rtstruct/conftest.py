"""What the tests of the engine share."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
SCIKIT_IMAGE = "ignore:Setting the shape on a NumPy array:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(SCIKIT_IMAGE))
