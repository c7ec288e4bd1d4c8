"""The site: its preferences, its version, its users and its receivers."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from xnat_standin.answers import bad_request, conflict, forbidden, not_found, plain_json, text
from xnat_standin.outside import NAME
from xnat_standin.tables import table
from xnat_standin.users import Profile

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

    from xnat_standin.asking import Asked


def build_info(asked: Asked) -> Response:
    """Tell the version it plays, and that it plays."""
    version = asked.xnat.configuration.version
    return plain_json(
        {
            "Application-Name": "XNAT",
            "version": version,
            "buildNumber": "0",
            "buildDate": "",
            "commit": "",
            "standIn": f"{NAME}: it answers as XNAT {version} does, and is none",
        }
    )


def preferences(asked: Asked) -> Response:
    """Tell or change the site's preferences."""
    if asked.method == "GET":
        return plain_json(asked.xnat.preferences.all())
    asked.needs_admin()
    values = _json(asked)
    if not isinstance(values, dict):
        raise bad_request("The preferences are no JSON object.")
    asked.xnat.preferences.change(values)
    return plain_json({})


def preference(asked: Asked) -> Response:
    """Tell or change one of them."""
    name = asked.names["name"]
    if asked.method == "GET":
        value = asked.xnat.preferences.get(name)
        if value is None:
            raise not_found(f"There is no preference {name}.")
        return plain_json(value)
    asked.needs_admin()
    try:
        value = json.loads(asked.text)
    except ValueError:
        value = asked.text
    asked.xnat.preferences.change({name: value})
    return plain_json({})


def users(asked: Asked) -> Response:
    """List users, or add one."""
    asked.needs_admin()
    rows = asked.xnat.users.rows()
    if asked.method == "GET":
        return plain_json([row["name"] for row in rows])
    values = _json(asked)
    name, password = str(values.get("username", "")), str(values.get("password", ""))
    if not name or not password:
        raise bad_request("A user has a name and a password.")
    if any(row["name"] == name for row in rows):
        raise conflict(f"There is a user {name}.")
    asked.xnat.users.create(
        Profile(
            name,
            str(values.get("email", "")),
            str(values.get("firstName", "")),
            str(values.get("lastName", "")),
            enabled=bool(values.get("enabled", True)),
        ),
        password,
    )
    row = next(one for one in asked.xnat.users.rows() if one["name"] == name)
    return plain_json(_profile(row), HTTPStatus.CREATED)


def user(asked: Asked) -> Response:
    """Tell a user's profile, or change password and state."""
    name = asked.names["user"]
    if name != asked.user.name:
        asked.needs_admin()
    row = next((one for one in asked.xnat.users.rows() if one["name"] == name), None)
    if row is None:
        raise not_found(f"There is no user {name}.")
    if asked.method == "PUT":
        values = _json(asked)
        if values.get("password"):
            asked.xnat.users.set_password(name, str(values["password"]))
        if "enabled" in values:
            asked.needs_admin()
            asked.xnat.users.set_enabled(name, enabled=bool(values["enabled"]))
    return plain_json(_profile(row))


def user_name(asked: Asked) -> Response:
    """Tell who is logged in, by name alone."""
    return text(asked.user.name)


def user_table(asked: Asked) -> Response:
    """List users as the older API does."""
    if not asked.user.admin:
        raise forbidden("Only administrators see all users.")
    rows = [
        {
            "xdat_user_id": str(place),
            "login": row["name"],
            "firstname": row["first_name"],
            "lastname": row["last_name"],
            "email": row["email"],
        }
        for place, row in enumerate(asked.xnat.users.rows(), 1)
    ]
    return table(rows, ["xdat_user_id", "login", "firstname", "lastname", "email"], asked.parameters)


def receivers(asked: Asked) -> Response:
    """Tell the DICOM receiver."""
    asked.needs_admin()
    port = asked.xnat.configuration.dicom_port
    return plain_json(
        [
            {
                "id": 1,
                "aeTitle": "XNAT",
                "port": port or 8104,
                "identifier": "dicomObjectIdentifier",
                "enabled": port is not None,
                "customProcessing": False,
                "directArchive": False,
                "anonymizationEnabled": True,
                "whitelistEnabled": False,
                "whitelist": [],
                "routingExpressionsEnabled": False,
            }
        ]
    )


def _json(asked: Asked) -> Any:
    try:
        return json.loads(asked.text)
    except ValueError:
        raise bad_request("The body is no JSON.") from None


def _profile(row: sqlite3.Row) -> dict[str, object]:
    return {
        "username": row["name"],
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        "email": row["email"],
        "enabled": bool(row["enabled"]),
        "verified": True,
    }
