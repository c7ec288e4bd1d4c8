"""What a run is to do.

It knows nothing but the standard library: Orthanc's own process makes plans.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUNDS = 12
"""Rounds of a run, unless asked otherwise: enough for significance in each of its rows."""

MOST_ROUNDS = 200
LEAST_SCALE = 0.005
_SEEDS = 2**31


class Question(StrEnum):
    """The seven questions."""

    UPLOAD = "upload"
    QUERY = "query"
    RETRIEVE = "retrieve"
    USERS_10 = "users10"
    USERS_50 = "users50"
    MEMORY = "memory"
    DISK = "disk"


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Parameters
    ----------
    run_id
        Eight hex digits.
    scale
        1 for the seven questions as they are asked; less for less data.
    rounds
        Those that count.
    seed
        What data, order and intervals follow from.
    """

    run_id: str
    scale: float
    rounds: int
    seed: int
    questions: tuple[Question, ...]


def new_plan(
    *, scale: float = 1.0, rounds: int = ROUNDS, seed: int | None = None, questions: Iterable[Question] = ()
) -> Plan:
    """Return a plan; of all questions when none is named, with a seed by lot when none is given."""
    return Plan(
        run_id=secrets.token_hex(4),
        scale=scale,
        rounds=rounds,
        seed=secrets.randbelow(_SEEDS) if seed is None else seed,
        questions=tuple(dict.fromkeys(questions)) or tuple(Question),
    )
