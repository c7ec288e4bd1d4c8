"""Server sessions (JSESSIONID): one for each login, over after some idleness, a restart, or on demand."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass


@dataclass
class Login:
    """A server session."""

    key: str
    """32 hexadecimal digits, the cookie's value."""
    user: str
    csrf: str
    seen: float


class Logins:
    """Who is logged in."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._logins: dict[str, Login] = {}
        self._lock = threading.Lock()

    def open(self, user: str) -> Login:
        """Return a new session of a user."""
        login = Login(secrets.token_hex(16).upper(), user, secrets.token_hex(16), time.time())
        with self._lock:
            self._logins[login.key] = login
        return login

    def find(self, key: str | None) -> Login | None:
        """Return a session that is not over, and count its idleness from now."""
        with self._lock:
            login = self._logins.get(key or "")
            if login is None or time.time() - login.seen > self.timeout_s:
                self._logins.pop(key or "", None)
                return None
            login.seen = time.time()
            return login

    def close(self, key: str) -> None:
        """End a session."""
        with self._lock:
            self._logins.pop(key, None)

    def expire(self) -> None:
        """End all sessions."""
        with self._lock:
            self._logins.clear()

    def count(self, user: str) -> int:
        """Return how many sessions a user has that are not over."""
        with self._lock:
            now = time.time()
            return sum(one.user == user and now - one.seen <= self.timeout_s for one in self._logins.values())
