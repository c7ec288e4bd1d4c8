"""Who asks: the account that Orthanc or a trusted proxy vouches for. Roles will be judged by it, too.

A header is only words: whoever reaches Orthanc can send it. So a proxy's word counts where the settings name
its header, and a secret that clients never see came with it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECRET_HEADER = "X-Proxy-Secret"  # noqa: S105 - the name of the header, not what it holds
"""In it the proxy says the secret that it shares with the suite."""

_ACCOUNT = re.compile(r"[\w.@\\/-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class SignOn:
    """Tells who asks.

    Parameters
    ----------
    orthanc_user_of
        Returns whose an Authorization header is, None where Orthanc does not know, or asks nobody.
    user_header
        Names the header in which a proxy says who has signed in there; without it no proxy is believed.
    secret
        What the proxy sends in `SECRET_HEADER`.
    """

    orthanc_user_of: Callable[[str], str | None] = lambda _: None
    user_header: str | None = None
    secret: str = field(default="", repr=False)

    def user_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the account behind a request; None where nobody vouches for one, or its name is odd.

        What comes through the proxy is the proxy's to name: the account with which the proxy itself goes to
        Orthanc is nobody's.

        Parameters
        ----------
        headers
            Of the request; upper and lower case are the same.

        Raises
        ------
        ArchiveUnavailable
            Orthanc does not answer.
        """
        if self.user_header is not None and self._is_of_proxy(headers):
            user = headers.get(self.user_header)
        else:
            authorisation = headers.get("Authorization")
            user = None if authorisation is None else self.orthanc_user_of(authorisation)
        return user if user is not None and _ACCOUNT.fullmatch(user) else None

    def _is_of_proxy(self, headers: Mapping[str, str]) -> bool:
        said = headers.get(SECRET_HEADER, "")
        return bool(self.secret) and hmac.compare_digest(said.encode(), self.secret.encode())
