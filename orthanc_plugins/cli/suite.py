"""The running suite, asked by its routes: what the commands about archives have in common."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, ConfigurationError
from orthanc_plugins.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT_S = 60.0
_POLL_S = 0.5
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Suite:
    """The routes of a running suite.

    Every method raises ArchiveUnavailable when the suite does not answer, and ArchiveRefused with what it
    says when it refuses.

    Parameters
    ----------
    url
        Root of the routes; None for that of the settings.
    """

    def __init__(self, url: str | None) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        if url is not None:
            self._root = url.rstrip("/")
            return
        orthanc = read_settings().orthanc
        self._root = str(orthanc.url).rstrip("/") + "/pacs"
        if orthanc.username is not None:
            password = "" if orthanc.password is None else orthanc.password.get_secret_value()
            self._session.auth = (orthanc.username, password)

    def get(self, path: str, **parameters: str | int | bool) -> Any:
        """Return what a route answers, parsed; ``path`` begins below ``/api``."""
        return self._answer("GET", path, params=parameters).json()

    def content(self, path: str) -> bytes:
        """Return what a route answers, as it is."""
        return self._answer("GET", path).content

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return what a route answers to a JSON body, parsed."""
        return self._answer("POST", path, json=body).json()

    def wait(self, job_id: str, told: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
        """Return a job once it has ended; ``told`` is called with it as it stands meanwhile.

        Raises
        ------
        ArchiveRefused
            It failed or was cancelled; the text says why.
        """
        while True:
            job: Mapping[str, Any] = self.get(f"/jobs/{job_id}")
            if job["state"] in _ENDED:
                break
            told(job)
            time.sleep(_POLL_S)
        if job["state"] != "succeeded":
            error = job["error"] or {"message": f"The job was {job['state']}."}
            raise ArchiveRefused(str(error["message"]), archive="suite")
        return job

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = self._session.request(method, f"{self._root}/api{path}", timeout=_TIMEOUT_S, **options)
        except requests.exceptions.InvalidURL as error:
            raise ConfigurationError("The address of the suite is none.") from error
        except requests.RequestException as error:
            raise ArchiveUnavailable(
                f"The suite does not answer ({type(error).__name__}): scripts/status tells how it is; --url "
                "names another address.",
                archive="suite",
            ) from error
        if answer.ok:
            return answer
        raise ArchiveRefused(_detail(answer), archive="suite", status=answer.status_code)


def _detail(answer: requests.Response) -> str:
    """Return what a problem document says, or what the status is."""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return (
            "Orthanc lets only its users in (HTTP 401): give one of RegisteredUsers as Orthanc.Username and "
            "Orthanc.Password in the settings of the suite; with --url nobody is named."
        )
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The suite answered HTTP {answer.status_code}: is it the right address?"
