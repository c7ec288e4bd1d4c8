"""Steps that note what is stored of them, and are killed where a test says so."""

from __future__ import annotations

import json
from typing import Any

from orthanc_plugins.errors import (
    PacsSuiteError,
)
from tests.unit.workflows.repaired import DurableSteps


class RecordingSteps(DurableSteps):
    """Notes what each step returned or raised, as it would be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[str] = []
        self.names: list[str] = []
        self.killed_in: str | None = None

    def __call__(self, name: str, step: Any, *args: Any, **kwargs: Any) -> Any:
        self.names.append(name)

        def killed() -> Any:
            result = step(*args, **kwargs)
            if self.killed_in == name:
                self.killed_in = None
                raise KilledError
            return result

        try:
            result = super().__call__(name, killed)
        except PacsSuiteError as error:
            self.stored.append(f"{type(error).__name__}: {error}")
            raise
        self.stored.append(json.dumps(result))
        return result


class KilledError(BaseException):
    """The worker's process ended after a step's effect, before anybody noted it."""
