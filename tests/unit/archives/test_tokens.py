"""Bearer tokens, on a clock that a test moves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.resilience import Clocks
from orthanc_plugins.archives.tokens import (
    BasicCredentials,
    BearerTokens,
    ClientCredentials,
    FixedAuthorisation,
    authorisation,
)
from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = ClientCredentials("http://issuer/token", "suite", "MARKER-SECRET")


class Issuer:
    """Gives numbered tokens."""

    def __init__(self, expires_in: object = 300) -> None:
        self.now_s = 0.0
        self.expires_in = expires_in
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.tokens = BearerTokens(
            CREDENTIALS, self.answer, archive="dcm4chee", clocks=Clocks(seconds=lambda: self.now_s)
        )

    def answer(self, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
        self.asked.append((url, form))
        return {"access_token": f"t{len(self.asked)}", "expires_in": self.expires_in}


def test_a_token_is_asked_for_by_client_credentials() -> None:
    issuer = Issuer()
    assert issuer.tokens.header() == "Bearer t1"
    form = {"grant_type": "client_credentials", "client_id": "suite", "client_secret": "MARKER-SECRET"}
    assert issuer.asked == [("http://issuer/token", form)]


@pytest.mark.parametrize(
    ("expires_in", "good_s", "bad_s"),
    [
        (300, 269, 271),
        ("300", 269, 271),
        (60, 39, 41),
        (None, 39, 41),
        ("soon", 39, 41),
        (3, 1.9, 2.1),
        (-5, 0.6, 0.7),
    ],
)
def test_a_token_is_renewed_before_its_end(expires_in: object, good_s: float, bad_s: float) -> None:
    issuer = Issuer(expires_in)
    issuer.tokens.header()
    issuer.now_s = good_s
    assert issuer.tokens.header() == "Bearer t1"
    issuer.now_s = bad_s
    assert issuer.tokens.header() == "Bearer t2"


def test_a_refused_token_is_forgotten_but_not_a_newer_one() -> None:
    issuer = Issuer()
    first = issuer.tokens.header()
    assert issuer.tokens.refused(first)
    second = issuer.tokens.header()
    assert issuer.tokens.refused(first)
    assert issuer.tokens.header() == second
    assert len(issuer.asked) == 2


def test_threads_share_one_token() -> None:
    issuer = Issuer()
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(issuer.tokens.header())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(got) == {"Bearer t1"}
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 5}])
def test_an_answer_without_a_token_is_refused(answer: Mapping[str, object]) -> None:
    tokens = BearerTokens(CREDENTIALS, lambda _url, _form: answer, archive="dcm4chee")
    with pytest.raises(ArchiveRefused, match="without a token") as caught:
        tokens.header()
    assert "MARKER" not in str(caught.value)


def test_a_user_and_password_are_always_the_same_header() -> None:
    basic = authorisation(BasicCredentials("user", "pässword"), _nobody, archive="dcm4chee")
    assert basic.header() == "Basic dXNlcjpww6Rzc3dvcmQ="
    assert not basic.refused("Basic dXNlcjpww6Rzc3dvcmQ=")


def test_without_credentials_there_is_no_header() -> None:
    assert FixedAuthorisation(None).header() is None


def test_secrets_are_not_in_what_is_printed() -> None:
    assert "MARKER" not in repr(CREDENTIALS)
    assert "pass" not in repr(BasicCredentials("user", "pass")).replace("password", "")


def _nobody(_url: str, _form: Mapping[str, str]) -> Mapping[str, object]:
    pytest.fail("nobody issues tokens here")
