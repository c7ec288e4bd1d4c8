"""A benchmark is run from the page, and what it found is shown with its report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


def test_a_benchmark_is_run_and_its_report_shown(suite: Suite, open_page: OpenPage) -> None:
    suite.receive()
    page = open_page("benchmarks", may_fail=("409",))
    check_accessible(page)
    page.get_by_label("Amount of data").select_option(index=3)
    page.get_by_label("Rounds that count").select_option(label="3")
    for question in (
        "Storing images",
        "Reading a study",
        "10 users at once",
        "50 users at once",
        "Memory",
        "Disk",
    ):
        page.get_by_label(question).uncheck()
    page.get_by_role("button", name="Run a benchmark").click()
    page.get_by_role("dialog").get_by_role("button", name="Run a benchmark").click()
    expect(page.locator(".message.bad")).to_contain_text("holds studies that no benchmark has made")
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Also although an archive holds studies of patients").check()
    page.get_by_role("button", name="Run a benchmark").click()
    page.get_by_role("dialog").get_by_role("button", name="Run a benchmark").click()
    expect(page).to_have_url(re.compile(r"benchmarks/[0-9a-f]{8}$"))
    expect(page.get_by_role("table", name="Findings")).to_be_visible(timeout=120_000)
    report = page.frame_locator("iframe.report")
    expect(report.locator("h1").first).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name="Benchmark", exact=True).click()
    expect(page.get_by_role("table", name="Benchmarks so far").locator("tbody tr")).to_have_count(1)
