"""The last events, growth and modalities, as routes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.store import LEFT, Writing
from tests.contract.holdings import holding

if TYPE_CHECKING:
    from tests.unit.api.conftest import Client, World


def test_events_lead_to_what_tells_more_and_to_the_next_page(client: Client, world: World) -> None:
    job_id = world.ask(world.receive())
    world.publish(job_id)
    world.services.store.heartbeat("one", 1, datetime.now(UTC))
    first = client.get("api/events", params={"limit": 1}).json()
    second = client.get("api/events", params={"limit": 1, "before": first["next"]}).json()
    assert [one["kind"] for one in (*first["events"], *second["events"])] == [
        "worker_started",
        "results_with_problems",
    ]
    made = second["events"][0]
    assert (made["severity"], made["job_id"]) == ("warning", job_id)
    assert client.get(made["link"]).status_code == 200
    assert second["next"] is None


@pytest.mark.parametrize(
    "before", ["", "x", "1~nothing~a", "1~inventory~a", "-1~worker~a", "1~worker~", "9" * 30 + "~worker~a"]
)
def test_what_is_no_place_in_the_list_is_refused(client: Client, before: str) -> None:
    assert client.get("api/events", params={"before": before}).status_code == 422


def test_growth_and_modalities_name_each_archive(client: Client, world: World) -> None:
    world.services.store.inventory.put(LEFT, [holding("1", 1, 2)], Writing("run", datetime.now(UTC)))
    growth = client.get("api/statistics/growth", params={"days": 2}).json()
    assert [(day["studies"], day["instances"]) for day in growth["archives"]["orthanc"]] == [(1, 2)]
    held = client.get("api/statistics/modalities").json()["archives"]["orthanc"]
    assert [(one["studies"], one["instances"]) for one in held["top"]] == [(1, 2)]
    assert held["others"] is None
    assert client.get("api/statistics/growth", params={"days": 0}).status_code == 422
