"""The documentation of the routes works without the network: Swagger UI from local files."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Visit
    from tests.stack import Stack


def test_documentation_lists_every_route(stack: Stack, visit: Visit) -> None:
    with urllib.request.urlopen(f"{stack.front}/pacs/openapi.json", timeout=10) as answer:
        routes = json.load(answer)["paths"]
    page = visit(f"{stack.front}/pacs/docs")
    operations = page.locator(".opblock")
    expect(operations).to_have_count(sum(len(methods) for methods in routes.values()))
    shown = {text.replace("\u200b", "") for text in page.locator(".opblock-summary-path").all_text_contents()}
    assert shown == set(routes)


def test_health_can_be_tried_out(stack: Stack, visit: Visit) -> None:
    page = visit(f"{stack.front}/pacs/docs")
    health = page.locator(".opblock").filter(
        has=page.locator(".opblock-summary-path", has_text=re.compile(r"health$"))
    )
    health.locator(".opblock-summary-control").click()
    health.get_by_role("button", name="Try it out").click()
    health.get_by_role("button", name="Execute").click()
    answer = health.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"status"')
