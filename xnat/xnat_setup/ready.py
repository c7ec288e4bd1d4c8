"""What has to be on a site, looked at and mended in the order that XNAT allows."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.tokens import BasicCredentials
from orthanc_plugins.archives.xnat_http import ARCHIVE, XnatHttp, XnatRequest, path_of
from orthanc_plugins.archives.xnat_projects import XnatProjects
from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orthanc_plugins.archives.sessions import HttpOptions

ADMIN = "admin"
_FIRST_PASSWORD = "admin"  # noqa: S105 - XNAT's own, of every new site: it is known, and changed here
_UNAUTHORISED = 401
_JSON = "application/json"
_SETTINGS = {"accessibility": "private", "prearchive_code": "0"}
"""Of a project: nobody else sees it, and nothing is archived by itself."""
_OWNERS = "Owners"
_FOLDERS = ("archive", "prearchive", "cache", "build", "ftp", "pipeline", "inbox")


@dataclass(frozen=True)
class Wanted:
    """What a site is to have.

    Parameters
    ----------
    url
        Root of the site, as it is reached from here.
    admin_password
        Of its administrator ``admin``, from now on.
    project, script
        The project, and its anonymisation script.
    user, user_password
        Who the suite is there.
    admin_email, site_url, data
        Of a site that is not set up yet: whom it writes to, its root as browsers see it, and where its files
        are.
    """

    url: str
    admin_password: str = field(repr=False)
    project: str
    script: str = field(repr=False)
    user: str
    user_password: str = field(repr=False)
    admin_email: str = "root@localhost"
    site_url: str | None = None
    data: str = "/data/xnat"


def make_ready(wanted: Wanted, options: HttpOptions) -> Iterator[str]:
    """Yield each change of the site in words, after it was made; nothing where all is as wanted.

    Raises
    ------
    ArchiveUnavailable, ArchiveRefused
        It does not answer, lets the administrator in by neither password, or refuses a change.
    """
    yield from _set_up(wanted, options)
    with closing(_as(wanted, options, ADMIN, wanted.admin_password)) as http:
        yield from _site_script(http)
        yield from _project(http, wanted)
        yield from _user(http, wanted, options)


def _set_up(wanted: Wanted, options: HttpOptions) -> Iterator[str]:
    """Set a new site up, and give its administrator the password that is wanted."""
    is_first = not _lets_in(wanted, options, ADMIN, wanted.admin_password)
    if is_first and not _lets_in(wanted, options, ADMIN, _FIRST_PASSWORD):
        raise ArchiveRefused(
            f"XNAT lets {ADMIN} in neither by the password given nor by the one of a new site: give the "
            "password that it has now.",
            archive=ARCHIVE,
            status=_UNAUTHORISED,
        )
    with closing(_as(wanted, options, ADMIN, _FIRST_PASSWORD if is_first else wanted.admin_password)) as http:
        preferences = http.json("/xapi/siteConfig")
        if str(preferences.get("initialized")).lower() != "true":
            _post(http, "/xapi/siteConfig", _preferences(wanted))
            yield "the site is set up"
        if is_first:
            values = {"username": ADMIN, "password": wanted.admin_password}
            _put(http, path_of("xapi", "users", ADMIN), values)
            yield f"{ADMIN} has another password than that of a new site"


def _preferences(wanted: Wanted) -> dict[str, Any]:
    return {
        "siteId": "XNAT",
        "siteUrl": wanted.site_url or wanted.url,
        "adminEmail": wanted.admin_email,
        **{f"{name}Path": f"{wanted.data}/{name}" for name in _FOLDERS},
        "requireLogin": True,
        "enableCsrfToken": True,
        "initialized": True,
    }


def _site_script(http: XnatHttp) -> Iterator[str]:
    """Switch the site's script on, which gives each patient and session its labels."""
    path = "/xapi/anonymize/site/enabled"
    if http.json(path) is not True:
        http.ask(XnatRequest("PUT", path, {"enable": "true"}, content_type=_JSON))
        yield "the script of the site is on"


def _project(http: XnatHttp, wanted: Wanted) -> Iterator[str]:
    """Have the project as the suite needs it, with its script."""
    projects, path = XnatProjects(http), path_of("data", "projects", wanted.project)
    if not projects.exists(wanted.project):
        projects.ensure(wanted.project)
        yield f"project {wanted.project} is there"
    for name, value in _SETTINGS.items():
        if http.text(f"{path}/{name}").strip() != value:
            http.ask(XnatRequest("PUT", f"{path}/{name}/{value}"))
            yield f"{name} of project {wanted.project} is {value}"
    before = projects.script(wanted.project)
    if projects.ensure_script(wanted.project, wanted.script) != before:
        yield f"project {wanted.project} has the suite's script, switched on"


def _user(http: XnatHttp, wanted: Wanted, options: HttpOptions) -> Iterator[str]:
    """Have the suite's user, who owns the project."""
    who = {"username": wanted.user, "password": wanted.user_password, "enabled": True, "verified": True}
    if wanted.user not in http.json("/xapi/users"):
        names = {"firstName": "PACS", "lastName": "Suite", "email": wanted.admin_email}
        _post(http, "/xapi/users", who | names)
        yield f"user {wanted.user} is there"
    elif not _lets_in(wanted, options, wanted.user, wanted.user_password):
        _put(http, path_of("xapi", "users", wanted.user), who)
        yield f"user {wanted.user} has the password given, and may log in"
    path = path_of("data", "projects", wanted.project, "users")
    owners = {row.get("login") for row in http.rows(path) if row.get("displayname") == _OWNERS}
    if wanted.user not in owners:
        http.ask(XnatRequest("PUT", f"{path}/{_OWNERS}{path_of(wanted.user)}"))
        yield f"user {wanted.user} owns project {wanted.project}"


def _lets_in(wanted: Wanted, options: HttpOptions, user: str, password: str) -> bool:
    """Return whether a password is the user's."""
    with closing(_as(wanted, options, user, password)) as http:
        try:
            http.log_in()
        except ArchiveRefused as error:
            if error.status == _UNAUTHORISED:
                return False
            raise
    return True


def _as(wanted: Wanted, options: HttpOptions, user: str, password: str) -> XnatHttp:
    return XnatHttp(wanted.url, BasicCredentials(user, password), options)


def _post(http: XnatHttp, path: str, values: Mapping[str, Any]) -> None:
    http.ask(XnatRequest("POST", path, body=json.dumps(values).encode(), content_type=_JSON))


def _put(http: XnatHttp, path: str, values: Mapping[str, Any]) -> None:
    http.ask(XnatRequest("PUT", path, body=json.dumps(values).encode(), content_type=_JSON))
