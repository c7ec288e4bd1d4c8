"""What DCM4CHEE's stand-in tells of itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests

from tests.contract.standin.asked import (
    get,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


def test_it_names_itself_in_every_answer(dcm4chee: StandIn) -> None:
    for path in ("/studies?limit=1", "/studies?unknown=1", "/nowhere", "/studies/1.2/metadata"):
        server = get(dcm4chee, path).headers["Server"]
        assert re.fullmatch(r"DCM4CHEE stand-in \(Orthanc 1\.\d+\.\d+\)", server)


def test_control_tells_that_it_runs_and_what_time_it_has(dcm4chee: StandIn) -> None:
    status = requests.get(f"{dcm4chee.root}/ctrl/status", timeout=10)
    assert (status.status_code, status.json()) == (200, {"status": "STARTED"})
    told = requests.get(f"{dcm4chee.root}/monitor/serverTime", timeout=10).json()["serverTimeWithTimezone"]
    moment = datetime.strptime(told, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((moment - datetime.now(UTC)).total_seconds()) < 5


def test_unknown_application_entity_is_not_found_and_case_counts(dcm4chee: StandIn) -> None:
    for title in ("NOBODY", "dcm4chee"):
        answer = requests.get(f"{dcm4chee.root}/aets/{title}/rs/studies", timeout=10)
        assert answer.status_code == 404
        assert answer.json() == {"errorMessage": f"No such Application Entity: {title}"}
        assert answer.headers["Content-Type"].startswith("text/plain")
