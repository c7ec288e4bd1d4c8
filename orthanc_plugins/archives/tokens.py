"""Who the suite is for an archive: nobody, a user with a password, or a client with bearer tokens."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.archives.resilience import Clocks
from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHORTEST_LIFE_S = 60.0
"""Life of a token whose issuer does not say; Keycloak's shortest default."""
_LEEWAY_S = 30.0
"""A token is not used any more so long before its end, or for the last third of a shorter life."""


@dataclass(frozen=True)
class BasicCredentials:
    """A user and a password, sent with each request (RFC 7617)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClientCredentials:
    """A client that is given bearer tokens (RFC 6749 4.4).

    ``token_url`` is Keycloak's ``…/realms/REALM/protocol/openid-connect/token``; the client's service account
    needs the archive's roles there.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


Credentials = BasicCredentials | ClientCredentials | None
"""None: the archive asks for none."""


class Authorisation(Protocol):
    """What the Authorization header of a request is."""

    def header(self) -> str | None:
        """Return its value, None for no header."""

    def refused(self, header: str) -> bool:
        """Tell that a header was answered with 401, and return whether another one may be tried."""


class FixedAuthorisation:
    """No header, or always the same."""

    def __init__(self, credentials: BasicCredentials | None) -> None:
        self._header: str | None = None
        if credentials is not None:
            pair = f"{credentials.username}:{credentials.password}".encode()
            self._header = f"Basic {base64.b64encode(pair).decode('ascii')}"

    def header(self) -> str | None:
        """Return the value of the Authorization header."""
        return self._header

    def refused(self, header: str) -> bool:  # noqa: ARG002 - see Authorisation
        """Return that there is no other."""
        return False


class BearerTokens:
    """Tokens of a client, each used until shortly before its end; may be used by several threads.

    Parameters
    ----------
    ask
        Posts a form to the issuer and returns its JSON; raises MayPass or ArchiveRefused.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        ask: Callable[[str, Mapping[str, str]], Mapping[str, object]],
        *,
        archive: str,
        clocks: Clocks | None = None,
    ) -> None:
        self._credentials = credentials
        self._ask = ask
        self._archive = archive
        self._title = archive.upper()
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._header: str | None = None
        self._good_until_s = 0.0

    def header(self) -> str:
        """Return the value of the Authorization header, with a new token when the last one nears its end."""
        with self._lock:
            if self._header is None or self._clocks.seconds() >= self._good_until_s:
                self._header = self._new_header()
            return self._header

    def refused(self, header: str) -> bool:
        """Forget a token that was refused; true, since another one can be had."""
        with self._lock:
            if self._header == header:
                self._header = None
        return True

    def _new_header(self) -> str:
        asked_s = self._clocks.seconds()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        answer = self._ask(self._credentials.token_url, form)
        token, life_s = answer.get("access_token"), _seconds(answer.get("expires_in"))
        if not isinstance(token, str) or not token:
            raise ArchiveRefused(
                f"The token address of {self._title} answered without a token: check it in the settings.",
                archive=self._archive,
            )
        self._good_until_s = asked_s + life_s - min(_LEEWAY_S, life_s / 3)
        return f"Bearer {token}"


def authorisation(
    credentials: Credentials,
    ask: Callable[[str, Mapping[str, str]], Mapping[str, object]],
    *,
    archive: str,
    clocks: Clocks | None = None,
) -> Authorisation:
    """Return what gives the Authorization header for some credentials."""
    if isinstance(credentials, ClientCredentials):
        return BearerTokens(credentials, ask, archive=archive, clocks=clocks)
    return FixedAuthorisation(credentials)


def _seconds(value: object) -> float:
    """Return a life in seconds; issuers send it as a number or as text, or not at all."""
    if isinstance(value, int | float | str):
        try:
            return max(1.0, float(value))
        except ValueError:
            pass  # not a number: taken for unknown
    return _SHORTEST_LIFE_S
