"""Who asks: Basic, JSESSIONID or an alias token; and what is refused before anything is done."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from xnat_standin.answers import RefusedError, forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_standin.logins import Login
    from xnat_standin.users import User
    from xnat_standin.xnat import Xnat

LOGIN_PAGE = "/app/template/Login.vm"
_OPEN = re.compile(r"/|/standin(/.*)?|/xapi/siteConfig/buildInfo|/data/services/auth|/app/template/Login\.vm")
_BEFORE_SETUP = re.compile(
    r"/data/JSESSION|/data/auth|/data/services/auth|/xapi/siteConfig(/.*)?|/xapi/notifications/smtp"
)
_BROWSER = re.compile(r"Mozilla|Chrome|Safari|Opera|MSIE", re.IGNORECASE)
_CHANGING = {"POST", "PUT", "DELETE", "PATCH"}


@dataclass(frozen=True)
class Entry:
    """What a request brings to be let in."""

    method: str
    path: str
    parameters: Mapping[str, str]
    agent: str
    authorization: str
    cookie: str | None

    @property
    def is_browser(self) -> bool:
        """Whether it says it is a browser; only these get a login page, and must send a CSRF token."""
        return _BROWSER.search(self.agent) is not None


@dataclass(frozen=True)
class Admitted:
    """Who was let in, and the server session."""

    user: User
    login: Login
    is_new: bool


def admit(xnat: Xnat, entry: Entry) -> Admitted | None:
    """Return who asks; None where nobody needs to say so.

    Raises
    ------
    RefusedError
        401: no or wrong credentials. 302: the same, to a browser. 403: the site is not set up yet, or a
        browser's request has no CSRF token.
    """
    if _OPEN.fullmatch(entry.path):
        return None
    admitted = _by_password(xnat, entry) if entry.authorization else _by_cookie(xnat, entry)
    if not xnat.preferences.is_on("initialized") and not _BEFORE_SETUP.fullmatch(entry.path):
        raise forbidden("Site has not yet been configured.")
    if (
        entry.is_browser
        and entry.method in _CHANGING
        and xnat.preferences.is_on("enableCsrfToken")
        and entry.parameters.get("XNAT_CSRF") != admitted.login.csrf
    ):
        raise forbidden("INVALID CSRF")
    return admitted


def open_login(xnat: Xnat, user: User) -> Login:
    """Return a new server session.

    Raises
    ------
    RefusedError
        401: this user has as many as the site allows.
    """
    if xnat.logins.count(user.name) >= int(xnat.preferences.get("concurrentMaxSessions")):
        raise unauthorised("Maximum sessions of the user exceeded.")
    return xnat.logins.open(user.name)


def unauthorised(why: str) -> RefusedError:
    """Return the refusal of who has not said who asks."""
    return RefusedError(HTTPStatus.UNAUTHORIZED, why, {"WWW-Authenticate": 'Basic realm="XNAT"'})


def _by_password(xnat: Xnat, entry: Entry) -> Admitted:
    scheme, _, encoded = entry.authorization.partition(" ")
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorised("Login attempt failed.") from None
    user = xnat.users.verified(name, password) if scheme.lower() == "basic" else None
    if user is None:
        raise unauthorised("Login attempt failed. Please try again.")
    login = xnat.logins.find(entry.cookie)
    if login is not None and login.user == user.name:
        return Admitted(user, login, is_new=False)
    return Admitted(user, open_login(xnat, user), is_new=True)


def _by_cookie(xnat: Xnat, entry: Entry) -> Admitted:
    login = xnat.logins.find(entry.cookie)
    user = xnat.users.find(login.user) if login else None
    if login is None or user is None:
        if entry.is_browser:
            raise RefusedError(HTTPStatus.FOUND, "Found", {"Location": LOGIN_PAGE})
        raise unauthorised("The request requires user authentication")
    return Admitted(user, login, is_new=False)
