"""Logging in and out, alias tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from xnat_standin.answers import forbidden, not_found, plain_json, text
from xnat_standin.asking import set_cookies
from xnat_standin.gate import open_login, unauthorised

if TYPE_CHECKING:
    from xnat_standin.asking import Asked


def session(asked: Asked) -> Response:
    """Tell the server session, or end it."""
    assert asked.admitted is not None
    login = asked.admitted.login
    if asked.method == "DELETE":
        asked.xnat.logins.close(login.key)
        return text("")
    if asked.flag("CSRF"):
        return text(f"{login.key}; XNAT_CSRF={login.csrf}")
    return text(login.key)


def log_in(asked: Asked) -> Response:
    """Open a server session for a name and password in a form."""
    name, password = asked.parameters.get("username", ""), asked.parameters.get("password", "")
    user = asked.xnat.users.verified(name, password)
    if user is None:
        raise unauthorised("Login attempt failed. Please try again.")
    login = open_login(asked.xnat, user)
    response = text(login.key)
    set_cookies(response, asked.xnat, login.key, is_new=True)
    return response


def who(asked: Asked) -> Response:
    """Tell who is logged in."""
    return text(f"User '{asked.user.name}' is logged in")


def issue_token(asked: Asked) -> Response:
    """Return a new alias token; only administrators get other users'."""
    name = asked.names.get("user", asked.user.name)
    if name != asked.user.name:
        asked.needs_admin()
    if asked.xnat.users.find(name) is None:
        raise not_found(f"There is no user {name}.")
    return plain_json(asked.xnat.users.issue_token(name))


def validate_token(asked: Asked) -> Response:
    """Tell whose token it is."""
    owner = asked.xnat.users.owner_of_token(asked.names["alias"], asked.names["secret"])
    return plain_json({"valid": owner} if owner else {})


def invalidate_token(asked: Asked) -> Response:
    """End a token: with its secret anyone's, without it by an administrator."""
    alias, secret = asked.names["alias"], asked.names.get("secret")
    if secret is None and not asked.user.admin:
        raise forbidden("Only administrators end tokens without their secret.")
    if secret is not None and asked.xnat.users.owner_of_token(alias, secret) is None:
        raise not_found("There is no such token.")
    asked.xnat.users.forget_token(alias)
    return plain_json({"result": "OK"})


def page(_: Asked) -> Response:
    """Return a page for whoever looks with a browser."""
    return Response(
        "<!DOCTYPE html>\n<title>XNAT stand-in</title>\n<p>This is no XNAT: it stands in for it in tests.\n"
        '<form method="post" action="/login">User <input name="username"></form>\n',
        media_type="text/html",
    )
