"""Logins, tokens, CSRF, roles and the first run, over bare HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract.xnat.site import Site, build_study, message_of
from tests.xnat_process import PASSWORD, running_xnat

if TYPE_CHECKING:
    from pathlib import Path

_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


def test_every_answer_names_the_stand_in(site: Site) -> None:
    for path in ("/", "/data/projects", "/data/nowhere", "/xapi/siteConfig/buildInfo"):
        assert site.get(path).headers["Server"] == "XNAT stand-in"
    information = requests.get(f"{site.process.url}/xapi/siteConfig/buildInfo", timeout=10).json()
    assert information["version"] == "1.9.3"
    assert "stand-in" in information["standIn"]


def test_programs_without_credentials_get_401_and_no_login_page(site: Site) -> None:
    answer = requests.get(f"{site.process.url}/data/projects", timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert "Login" not in answer.text
    wrong = requests.get(f"{site.process.url}/data/projects", auth=("admin", "wrong"), timeout=10)
    assert wrong.status_code == 401


def test_a_browser_is_led_to_the_login_page(site: Site) -> None:
    answer = requests.get(f"{site.process.url}/data/projects", headers=_BROWSER, timeout=10)
    assert (answer.history[0].status_code, answer.status_code) == (302, 200)
    assert answer.text.startswith("<!DOCTYPE")


def test_a_session_is_opened_used_and_ended(site: Site) -> None:
    site.http.cookies.clear()
    answer = site.get("/data/JSESSION")
    assert re.fullmatch("[0-9A-F]{32}", answer.text)
    assert answer.cookies["JSESSIONID"] == answer.text
    assert re.fullmatch(r'"\d{13},900000"', answer.cookies["SESSION_EXPIRATION_TIME"])
    site.http.auth = None
    assert site.get("/data/auth").text == "User 'admin' is logged in"
    assert site.delete("/data/JSESSION").status_code == 200
    assert site.get("/data/auth").status_code == 401


def test_each_call_without_cookie_opens_a_session(site: Site) -> None:
    keys = {
        requests.get(f"{site.process.url}/data/JSESSION", auth=("admin", PASSWORD), timeout=10).text
        for _ in range(2)
    }
    assert len(keys) == 2


def test_a_form_logs_in(site: Site) -> None:
    url = f"{site.process.url}/data/services/auth"
    good = requests.put(url, data={"username": "admin", "password": PASSWORD}, timeout=10)
    assert re.fullmatch("[0-9A-F]{32}", good.text)
    assert requests.put(url, data={"username": "admin", "password": "no"}, timeout=10).status_code == 401


def test_sessions_end_on_demand(site: Site) -> None:
    site.get("/data/JSESSION")
    site.http.auth = None
    site.process.expire_sessions()
    assert site.get("/data/projects").status_code == 401


def test_changes_by_a_browser_need_the_csrf_token(site: Site) -> None:
    key, _, token = site.get("/data/JSESSION", params={"CSRF": "true"}).text.partition("; XNAT_CSRF=")
    site.http.headers.update(_BROWSER)
    assert site.put(f"/data/projects/{site.project}/accessibility/private").status_code == 403
    path = f"/data/projects/{site.project}/accessibility/private?XNAT_CSRF={token}"
    assert site.put(path, cookies={"JSESSIONID": key}).status_code == 200


def test_alias_tokens_stand_for_name_and_password(site: Site) -> None:
    token = site.get("/data/services/tokens/issue").json()
    pair = (token["alias"], token["secret"])
    auth = requests.get(f"{site.process.url}/data/auth", auth=pair, timeout=10)
    assert auth.text == "User 'admin' is logged in"
    path = "/".join(pair)
    assert site.get(f"/data/services/tokens/validate/{path}").json() == {"valid": "admin"}
    assert site.get(f"/data/services/tokens/invalidate/{path}").json() == {"result": "OK"}
    assert requests.get(f"{site.process.url}/data/auth", auth=pair, timeout=10).status_code == 401


def test_a_user_sees_and_does_what_its_role_allows(site: Site) -> None:
    name = f"user{site.project}"
    made = site.post("/xapi/users", json={"username": name, "password": "secret", "email": "u@localhost"})
    assert made.status_code == 201
    other = requests.Session()
    other.auth = (name, "secret")
    root = f"{site.process.url}/data/projects/{site.project}"
    assert other.get(root, timeout=10).status_code == 403
    assert site.project not in other.get(f"{site.process.url}/data/projects", timeout=10).text
    site.put(f"/data/projects/{site.project}/users/Collaborators/{name}")
    assert other.get(root, timeout=10).status_code == 200
    assert other.put(f"{root}/subjects/S1", timeout=10).status_code == 403
    site.put(f"/data/projects/{site.project}/users/Members/{name}")
    assert other.put(f"{root}/subjects/S1", timeout=10).status_code == 201
    assert other.get(f"{site.process.url}/xapi/users", timeout=10).status_code == 403
    prearchive = f"{site.process.url}/data/prearchive/projects"
    assert other.get(prearchive, timeout=10).status_code == 200
    assert other.get(prearchive, params={"tag": "1.2"}, timeout=10).status_code == 403
    script = f"{site.process.url}/xapi/anonymize/projects/{site.project}"
    assert other.get(script, timeout=10).status_code == 403


def test_a_disabled_user_does_not_log_in(site: Site) -> None:
    name = f"gone{site.project}"
    site.post("/xapi/users", json={"username": name, "password": "secret"})
    site.put(f"/xapi/users/{name}", json={"enabled": False})
    answer = requests.get(f"{site.process.url}/data/auth", auth=(name, "secret"), timeout=10)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("name", "status"), [("A.B", 417), ("a%20b", 417)], ids=["with a dot", "with a space"]
)
def test_bad_project_ids_are_refused(site: Site, name: str, status: int) -> None:
    assert site.put(f"/data/projects/{name}").status_code == status


def test_project_ids_are_given_once(site: Site) -> None:
    assert site.put(f"/data/projects/{site.project.lower()}").status_code == 409
    assert site.delete(f"/data/projects/{site.project}", params={"removeFiles": "true"}).status_code == 200
    assert site.put(f"/data/projects/{site.project}").status_code == 403


def test_the_first_run_asks_to_be_set_up(tmp_path: Path) -> None:
    with running_xnat(tmp_path, uninitialised="") as process:
        session = requests.Session()
        session.auth = ("admin", PASSWORD)
        refused = session.get(f"{process.url}/data/projects", timeout=10)
        assert (refused.status_code, message_of(refused)) == (403, "Site has not yet been configured.")
        assert session.get(f"{process.url}/data/JSESSION", timeout=10).status_code == 200
        preferences = {"siteId": "XNAT", "siteUrl": process.url, "initialized": True}
        assert session.post(f"{process.url}/xapi/siteConfig", json=preferences, timeout=10).status_code == 200
        assert session.get(f"{process.url}/xapi/siteConfig/siteId", timeout=10).json() == "XNAT"
        assert session.get(f"{process.url}/data/projects", timeout=10).status_code == 200


def test_being_set_up_is_a_preference_of_its_own(tmp_path: Path) -> None:
    with running_xnat(tmp_path, uninitialised="") as process:
        url, auth = f"{process.url}/xapi/siteConfig/initialized", ("admin", PASSWORD)
        assert requests.get(url, auth=auth, timeout=10).json() is False
        told = {"Content-Type": "application/json"}
        assert requests.post(url, data="true", auth=auth, headers=told, timeout=10).status_code == 200
        assert requests.get(f"{process.url}/data/projects", auth=auth, timeout=10).status_code == 200


def test_all_but_logins_survives_a_restart(tmp_path: Path) -> None:
    with running_xnat(tmp_path) as process, Site(process) as site:
        archived = site.archived(build_study(), session="E1")
        waiting = site.send_to_prearchive(build_study(), session="E2")
        before = site.rows(f"{archived}/scans")
        site.get("/data/JSESSION")
        process.kill()
        process.start()
        site.http.auth = None
        assert site.get("/data/projects").status_code == 401
        site.http.auth = ("admin", PASSWORD)
        assert site.rows(f"{archived}/scans") == before
        assert [f"/data{row['url']}" for row in site.prearchived()] == [waiting]
        assert len(site.downloaded(archived)) == 3
