"""Users, their passwords and alias tokens, and what they may do in a project."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from xnat_standin.database import Database

_TOKEN_LIFE_S = 2 * 24 * 3600.0
_ROUNDS = 20_000
"""Few: this is no place for anyone's real password, and each request may carry one."""


@dataclass(frozen=True)
class User:
    """Someone who is logged in."""

    name: str
    admin: bool = False


@dataclass(frozen=True)
class Profile:
    """What is told of a user."""

    name: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    enabled: bool = True


class Users:
    """Who may log in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, profile: Profile, password: str, *, admin: bool = False) -> None:
        """Add a user."""
        salt = secrets.token_bytes(16)
        self._database.run(
            "INSERT INTO users (name, salt, digest, admin, enabled, first_name, last_name, email)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(profile.name, salt, _digest(password, salt), admin, profile.enabled),
            *(profile.first_name, profile.last_name, profile.email),
        )

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password."""
        salt = secrets.token_bytes(16)
        self._database.run(
            "UPDATE users SET salt = ?, digest = ? WHERE name = ?", salt, _digest(password, salt), name
        )

    def set_enabled(self, name: str, *, enabled: bool) -> None:
        """Let a user log in, or not."""
        self._database.run("UPDATE users SET enabled = ? WHERE name = ?", enabled, name)

    def find(self, name: str) -> User | None:
        """Return a user who may log in."""
        row = self._database.row("SELECT * FROM users WHERE name = ? AND enabled", name)
        return User(row["name"], bool(row["admin"])) if row else None

    def rows(self) -> list[sqlite3.Row]:
        """Return all users."""
        return self._database.rows("SELECT * FROM users ORDER BY name")

    def verified(self, name: str, password: str) -> User | None:
        """Return the user of a name and password, or of an alias token and its secret."""
        row = self._database.row("SELECT * FROM users WHERE name = ? AND enabled", name)
        if row is not None and hmac.compare_digest(row["digest"], _digest(password, row["salt"])):
            return User(row["name"], bool(row["admin"]))
        owner = self.owner_of_token(name, password)
        return self.find(owner) if owner else None

    def issue_token(self, user: str) -> dict[str, object]:
        """Return a new alias token of a user."""
        alias, secret = secrets.token_hex(16), secrets.token_hex(32)
        expires = time.time() + _TOKEN_LIFE_S
        self._database.run("INSERT INTO tokens VALUES (?, ?, ?, ?)", alias, secret, user, expires)
        return {
            "alias": alias,
            "secret": secret,
            "xdatUserId": user,
            "singleUse": False,
            "estimatedExpirationTime": int(expires * 1000),
        }

    def owner_of_token(self, alias: str, secret: str) -> str | None:
        """Return whose token it is; None when it is none or no longer one."""
        row = self._database.row("SELECT * FROM tokens WHERE alias = ?", alias)
        if row is None or not hmac.compare_digest(row["secret"], secret) or row["expires"] < time.time():
            return None
        return str(row["user"])

    def forget_token(self, alias: str) -> None:
        """End a token."""
        self._database.run("DELETE FROM tokens WHERE alias = ?", alias)


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
