"""The frame around every view: addresses, languages, appearance, keyboard, and lack of any answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import check_accessible

if TYPE_CHECKING:
    from tests.browser.dashboard.conftest import OpenPage, Suite


@pytest.mark.parametrize("appearance", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
def test_the_overview_is_accessible(open_page: OpenPage, appearance: str, width: int) -> None:
    page = open_page(appearance=appearance, width=width)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_role("table", name="Archives")).to_be_visible()
    expect(page.get_by_text("stand-in").first).to_be_visible()
    check_accessible(page)


def test_the_language_follows_the_browser_and_can_be_switched(open_page: OpenPage) -> None:
    page = open_page(language="fr-CA")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Vue d’ensemble")
    assert page.evaluate("document.documentElement.lang") == "fr"
    page.get_by_label("Langue").select_option(label="English")
    expect(heading).to_have_text("Overview")
    page.reload()
    expect(heading).to_have_text("Overview")
    page.get_by_label("Language").select_option(label="Français")
    expect(heading).to_have_text("Vue d’ensemble")


def test_the_appearance_can_be_switched_and_stays(open_page: OpenPage) -> None:
    page = open_page(width=1100)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Appearance").select_option(label="Dark")
    assert page.evaluate(ground) != light
    page.reload()
    expect(page.get_by_label("Appearance")).to_have_value("dark")
    assert page.evaluate(ground) != light


def test_the_keyboard_reaches_the_content_past_the_menu(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_text("To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_an_address_that_leads_nowhere_says_so_and_leads_home(open_page: OpenPage) -> None:
    page = open_page("no/such/page")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    check_accessible(page)
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("main h1")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")


@pytest.mark.parametrize("before", ["", "/orthanc"])
def test_it_works_below_any_path(open_page: OpenPage, suite: Suite, before: str) -> None:
    page = open_page()
    page.goto(f"{suite.stack.front}{before}/pacs/ui/")
    expect(page.get_by_role("table", name="Archives")).to_be_visible()
    assert page.get_by_role("link", name="Orthanc PACS Suite").get_attribute("href") == f"{before}/pacs/ui/"


def test_it_works_on_orthanc_s_own_port(open_page: OpenPage, suite: Suite) -> None:
    page = open_page(may_fail=(suite.stack.url,))
    page.goto(f"{suite.stack.url}/pacs/ui/")
    expect(page.get_by_role("table", name="Archives")).to_be_visible()


def test_where_nothing_answers_it_says_so_and_tries_again(open_page: OpenPage) -> None:
    page = open_page(may_fail=("api/", "ERR_FAILED"))
    expect(page.get_by_role("table", name="Archives")).to_be_visible()
    page.route(re.compile("/api/"), lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert").first).to_contain_text("The suite does not answer.")
    check_accessible(page)
    page.unroute(re.compile("/api/"))
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("table", name="Archives")).to_be_visible()


def test_who_may_not_see_something_is_told(open_page: OpenPage) -> None:
    page = open_page(may_fail=("api/statistics",))
    page.route(re.compile("/api/statistics"), lambda route: route.fulfill(status=403, body=""))
    page.reload()
    expect(page.get_by_role("alert").first).to_contain_text("You may not see this.")


def test_what_a_button_of_orthanc_explorer_2_opened_is_not_put_away_by_the_next(open_page: OpenPage) -> None:
    """All its buttons name one tab; what is chosen stands behind ``#``."""
    page = open_page()
    for actor in ("first", "second"):
        with page.expect_popup() as opened:
            page.evaluate("where => { open(where, 'undefined') }", f"audit#actor={actor}")
        expect(opened.value.get_by_label("Who")).to_have_value(actor)
