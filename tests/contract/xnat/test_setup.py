"""A new XNAT is made ready without its wizard, one that is ready is left alone, half of it is finished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests

from orthanc_plugins.settings import load_settings
from scripts.lib.render import Deployment, Ports, orthanc_configuration, render
from scripts.lib.xnat_start import make_site
from tests.xnat_process import running_xnat
from xnat_setup.__main__ import SCRIPT, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.xnat_process import XnatProcess

type SetUp = Callable[..., tuple[int, list[str], str]]

ADMIN, SUITE = "of the administrator", "of the suite"
ALL_CHANGES = [
    "  the site is set up",
    "  admin has another password than that of a new site",
    "  project PACS_ANONYMIZED is there",
    "  project PACS_ANONYMIZED has the suite's script, switched on",
    "  user pacs-suite is there",
    "  user pacs-suite owns project PACS_ANONYMIZED",
]


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[XnatProcess]:
    """A site as it is before its wizard: nothing is set up, and its password is XNAT's own."""
    first = tmp_path / "first"
    first.write_text("admin", encoding="utf-8")
    with running_xnat(tmp_path / "xnat", uninitialised="", admin_password_file=str(first)) as process:
        yield process


@pytest.fixture
def set_up(new_site: XnatProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> SetUp:
    """Make the site ready and return exit code, lines told and errors."""

    def run(*more: str, admin: str = ADMIN, suite: str = SUITE) -> tuple[int, list[str], str]:
        arguments = ["--url", new_site.url, *more]
        for name, password in (("admin", admin), ("user", suite)):
            path = tmp_path / f"{name} password"
            path.touch(mode=0o600)
            path.write_text(password + "\n", encoding="utf-8")
            arguments += [f"--{name}-password-file", str(path)]
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out.splitlines(), told.err

    return run


def status(site: XnatProcess, path: str, user: str, password: str) -> int:
    return requests.get(site.url + path, auth=(user, password), timeout=30).status_code


def read(site: XnatProcess, path: str) -> str:
    answer = requests.get(site.url + path, auth=("admin", ADMIN), timeout=30)
    answer.raise_for_status()
    return answer.text


def test_a_new_site_is_made_ready_in_one_run(new_site: XnatProcess, set_up: SetUp) -> None:
    code, told, errors = set_up("--site-url", "http://xnat/seen", "--admin-email", "root@localhost")
    assert (code, errors) == (0, "")
    assert told == [*ALL_CHANGES, f"{new_site.url} is ready."]
    assert status(new_site, "/data/JSESSION", "admin", "admin") == 401
    assert read(new_site, "/xapi/siteConfig/siteUrl") == '"http://xnat/seen"'
    assert read(new_site, "/xapi/anonymize/site/enabled") == "true"
    assert read(new_site, "/data/projects/PACS_ANONYMIZED/accessibility") == "private"
    assert read(new_site, "/data/projects/PACS_ANONYMIZED/prearchive_code") == "0"
    assert read(new_site, "/xapi/anonymize/projects/PACS_ANONYMIZED/enabled") == "true"
    assert read(new_site, "/xapi/anonymize/projects/PACS_ANONYMIZED") == SCRIPT.read_text(encoding="utf-8")


def test_a_second_run_changes_nothing(new_site: XnatProcess, set_up: SetUp) -> None:
    set_up()
    number = read(new_site, "/data/config/edit/projects/PACS_ANONYMIZED/image/dicom/script?format=json")
    assert set_up() == (0, [f"{new_site.url} is ready, and was before."], "")
    assert number == read(
        new_site, "/data/config/edit/projects/PACS_ANONYMIZED/image/dicom/script?format=json"
    )


def test_the_suites_user_owns_its_project_and_nothing_else(new_site: XnatProcess, set_up: SetUp) -> None:
    set_up()
    requests.put(f"{new_site.url}/data/projects/OTHER", auth=("admin", ADMIN), timeout=30).raise_for_status()
    script = "/xapi/anonymize/projects/{}/enabled"
    assert status(new_site, script.format("PACS_ANONYMIZED"), "pacs-suite", SUITE) == 200
    assert status(new_site, script.format("OTHER"), "pacs-suite", SUITE) == 403
    assert status(new_site, "/data/projects/OTHER", "pacs-suite", SUITE) == 403
    assert status(new_site, "/xapi/users", "pacs-suite", SUITE) == 403
    assert status(new_site, "/xapi/anonymize/site", "pacs-suite", SUITE) == 200
    answer = requests.put(
        f"{new_site.url}/xapi/anonymize/site",
        data="x",
        headers={"Content-Type": "text/plain"},
        auth=("pacs-suite", SUITE),
        timeout=30,
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("done", [1, 2, 3, 4, 5])
def test_a_first_run_that_was_cut_off_is_finished(new_site: XnatProcess, set_up: SetUp, done: int) -> None:
    """After so many changes the site refuses what comes next, whatever it is."""
    refused = [
        "PUT /xapi/users/admin",
        "PUT /data/projects/PACS_ANONYMIZED",
        "PUT /xapi/anonymize/projects/PACS_ANONYMIZED",
        "POST /xapi/users",
        "PUT /data/projects/PACS_ANONYMIZED/users/Owners/pacs-suite",
    ]
    new_site.fault("refuse", status=403, at=refused[done - 1])
    code, told, errors = set_up()
    assert (code, told) == (1, ALL_CHANGES[:done])
    assert "HTTP 403" in errors
    assert "run the same command again" in errors
    code, told, _ = set_up()
    assert (code, told[:-1]) == (0, ALL_CHANGES[done:])


def test_what_somebody_changed_is_put_right(new_site: XnatProcess, set_up: SetUp) -> None:
    set_up()
    paths = (
        "/xapi/anonymize/site/enabled?enable=false",
        "/data/projects/PACS_ANONYMIZED/accessibility/public",
        "/data/projects/PACS_ANONYMIZED/prearchive_code/4",
        "/xapi/anonymize/projects/PACS_ANONYMIZED/enabled?enable=false",
        "/data/projects/PACS_ANONYMIZED/users/Members/pacs-suite",
    )
    for path in paths:
        headers = {"Content-Type": "application/json"}
        answer = requests.put(new_site.url + path, auth=("admin", ADMIN), headers=headers, timeout=30)
        assert answer.status_code == 200, path
    code, told, _ = set_up(suite="another password")
    assert (code, told[:-1]) == (
        0,
        [
            "  the script of the site is on",
            "  accessibility of project PACS_ANONYMIZED is private",
            "  prearchive_code of project PACS_ANONYMIZED is 0",
            "  project PACS_ANONYMIZED has the suite's script, switched on",
            "  user pacs-suite has the password given, and may log in",
            "  user pacs-suite owns project PACS_ANONYMIZED",
        ],
    )
    assert status(new_site, "/data/JSESSION", "pacs-suite", "another password") == 200


def test_a_wrong_password_is_told_and_nothing_is_changed(new_site: XnatProcess, set_up: SetUp) -> None:
    set_up()
    code, told, errors = set_up(admin="wrong", suite="another")
    assert (code, told) == (1, [])
    assert "give the password that it has now" in errors
    assert "wrong" not in errors
    assert status(new_site, "/data/JSESSION", "pacs-suite", SUITE) == 200


def test_a_site_that_does_not_answer_is_told(
    new_site: XnatProcess,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_site.stop()
    monkeypatch.setattr("time.sleep", lambda _: None)
    code, told, errors = set_up()
    assert (code, told) == (1, [])
    assert "XNAT did not answer" in errors


@pytest.mark.parametrize(
    ("content", "mode", "said"), [("secret", 0o644, "others can read"), ("\n", 0o600, "is empty")]
)
def test_a_file_that_is_no_private_password_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, mode: int, said: str
) -> None:
    path = tmp_path / "password"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    options = ["--admin-password-file", str(path), "--user-password-file", str(path)]
    assert main(["--url", "http://127.0.0.1:1", *options]) == 2
    assert said in capsys.readouterr().err


def test_the_stand_in_of_a_deployment_lets_the_suite_in_as_its_settings_say(tmp_path: Path) -> None:
    deployment = Deployment(data=tmp_path / "data", xnat_stand_in=True)
    render(deployment)
    secret = deployment.secrets / "xnat-admin"
    with running_xnat(tmp_path / "xnat", admin_password_file=str(secret)) as process:
        deployment = replace(deployment, ports=Ports(xnat=process.port))
        told = load_settings(orthanc_configuration(deployment), {}).xnat
        assert told.password is not None
        assert make_site(deployment) == 0
        script = "/xapi/anonymize/projects/PACS_ANONYMIZED/enabled"
        assert status(process, script, str(told.username), told.password.get_secret_value()) == 200
        assert status(process, "/data/JSESSION", "admin", "admin") == 401
        process.stop()
        assert make_site(deployment) == 1
