"""The dashboard's page: its policy, its files, and what it says where its libraries are missing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.api.routers.ui import WEB, digest_of
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services

MODULES = sorted((WEB / "ui").rglob("*.js"))


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A folder of libraries as it is installed."""
    folder = tmp_path / "libraries"
    (folder / "lit-html").mkdir(parents=True)
    (folder / "lit-html" / "lit-html.js").write_text("export const html = 0;\n", encoding="utf-8")
    return folder


@pytest.fixture
def client(services: Services, libraries: Path) -> Client:
    return Client(create_app(replace(services, web_libraries=libraries)), "/pacs")


@pytest.mark.parametrize("address", ["ui", "ui/", "ui/studies/1.2.3/comparison", "ui/..%2f..%2fetc/passwd"])
def test_every_address_gives_the_one_page(client: Client, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<base href="/pacs/ui/">' in page.text


def test_all_the_page_names_is_there_and_kept_for_good(client: Client) -> None:
    page = client.get("ui").text
    addresses = re.findall(r'(?:src|href)="(/pacs/static/[^"]+)"', page)
    assert len(addresses) == 4
    for address in addresses:
        answer = client.get(address.removeprefix("/pacs/"))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_mount_itself_leads_to_the_page(services: Services) -> None:
    app = create_app(services)
    for mount in ("/pacs", "/hospital/pacs"):
        for address in (mount, f"{mount}/"):
            answer = Client(app, mount).get(address)
            assert answer.is_redirect
            assert answer.headers["location"] == f"{mount}/ui/"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: Client) -> None:
    page = client.get("ui")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'; trusted-types lit-html" in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?:", page.text)


def test_a_proxy_s_prefix_stands_in_every_address(services: Services, libraries: Path) -> None:
    app = create_app(replace(services, web_libraries=libraries))
    page = Client(app, "/hospital/pacs").get("ui").text
    assert set(re.findall(r'(?:src|href)="(/\w+)/', page)) == {"/hospital"}


def test_the_address_of_the_files_changes_with_any_of_them(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    file = tmp_path / "core" / "one.js"
    seen = set()
    for name, content in [("one.js", "a"), ("one.js", "b"), ("two.js", "b")]:
        file = file.rename(file.with_name(name)) if file.exists() else file
        file.write_text(content, encoding="utf-8")
        seen.add(digest_of(tmp_path))
    assert len(seen) == 3


def test_missing_libraries_are_told_to_a_person(services: Services, tmp_path: Path) -> None:
    page = Client(create_app(replace(services, web_libraries=tmp_path / "nothing")), "/pacs").get("ui")
    assert page.status_code == 503
    assert "scripts/up" in page.text


def test_there_are_modules_to_judge() -> None:
    assert len(MODULES) >= 20


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(WEB / "ui").as_posix())
def test_a_module_makes_no_html_of_text_and_is_short(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|unsafeHTML|unsafeSVG|\beval\b", text
    )
    assert not re.search(r"style=|styleMap|\bon(click|input|change|submit)=", text), (
        "the policy allows no such style"
    )
    assert not re.search(r"https?://(?!www\.w3\.org/)", text), "nothing comes from elsewhere"
    assert len(text.splitlines()) <= 400
    assert max(map(len, text.splitlines())) <= (200 if module.parent.name == "words" else 130)


@pytest.mark.parametrize("name", sorted(path.stem for path in (WEB / "ui" / "words").glob("*.js")))
def test_every_language_has_the_same_words(name: str) -> None:
    text = (WEB / "ui" / "words" / f"{name}.js").read_text(encoding="utf-8")
    keys = {
        language: re.findall(r"^  (\w+): ", body, re.MULTILINE)
        for language, body in re.findall(r"export const (\w+) = \{\n(.*?)\n\};", text, re.DOTALL)
    }
    assert list(keys) == ["en", "fr"]
    assert keys["en"] == keys["fr"]
    assert len(keys["en"]) == len(set(keys["en"]))
    assert keys["en"]
