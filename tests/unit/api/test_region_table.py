"""The regions as a table for spreadsheets: every number, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.unit.api.conftest import Client, World


def rows(client: Client) -> list[dict[str, str]]:
    answer = client.get("api/rtstruct/1.2.1.2/regions.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="rtstruct_1.2.1.2.1_regions.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_each_region_is_a_line_with_its_numbers(client: Client, world: World) -> None:
    region: dict[str, Any] = {
        "number": 7,
        "name": 'GTV, "left"',
        "state": "done",
        "slices": 14,
        "volume_cc": 38.5,
        "surface_cm2": 55.75,
        "statistics": {"unit": "HU", "mean": -12.5, "sd": 3.0, "min": -20.0, "median": -12.0, "max": 4.0},
        "problems": [{"code": "open_contour", "message": "One is open.", "severity": "warning", "region": 7}],
    }
    failed = {"number": 8, "name": "", "state": "failed", "volume_cc": None, "surface_cm2": None}
    world.publish(world.ask(world.receive()), regions=[region, failed])
    first, second = rows(client)
    assert first["name"] == 'GTV, "left"'
    assert (first["volume_cc"], first["surface_cm2"], first["slices"]) == ("38.5", "55.75", "14")
    assert (first["intensity_unit"], first["intensity_mean"]) == ("HU", "-12.5")
    assert first["problems"] == "One is open."
    assert (second["state"], second["volume_cc"], second["intensity_mean"]) == ("failed", "", "")


def test_a_name_that_is_a_formula_is_not_run(client: Client, world: World) -> None:
    region = {"number": 1, "name": "=cmd|'/c calc'!A1", "state": "done"}
    world.publish(world.ask(world.receive()), regions=[region])
    [row] = rows(client)
    assert row["name"] == "'=cmd|'/c calc'!A1"


def test_there_is_no_table_without_results(client: Client) -> None:
    assert client.get("api/rtstruct/1.2.1.2/regions.csv").status_code == 404
