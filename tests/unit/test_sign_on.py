"""Who asks is whom Orthanc or a trusted proxy vouches for, and nobody else."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings
from orthanc_plugins.sign_on import SignOn

SECRET = "of proxy and suite alone"
BASIC = {"Authorization": "Basic of-the-proxy"}
OF_PROXY = {"X-Proxy-Secret": SECRET}
ANN = {"Remote-User": "ann@hospital"}


def orthanc_user_of(authorisation: str) -> str | None:
    return "proxy" if authorisation == BASIC["Authorization"] else None


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        (OF_PROXY | ANN, "ann@hospital"),
        (OF_PROXY | ANN | BASIC, "ann@hospital"),
        ({"x-proxy-secret": SECRET, "REMOTE-USER": "ann"}, "ann"),
        (OF_PROXY | BASIC, None),
        (OF_PROXY | {"Remote-User": ""} | BASIC, None),
        (OF_PROXY | {"Remote-User": "ann, root"}, None),
        (OF_PROXY | {"Remote-User": "a" * 65}, None),
        (ANN, None),
        (ANN | BASIC, "proxy"),
        (ANN | {"X-Proxy-Secret": "guessed"}, None),
        (ANN | {"X-Proxy-Secret": ""} | BASIC, "proxy"),
        (OF_PROXY | {"X-Remote-User": "ann"}, None),
        (BASIC, "proxy"),
        ({"Authorization": "Basic other"}, None),
        ({}, None),
    ],
)
def test_a_proxy_is_believed_with_its_secret_alone(headers: dict[str, str], user: str | None) -> None:
    sign_on = SignOn(orthanc_user_of, "Remote-User", SECRET)
    assert sign_on.user_of(Headers(headers)) == user


@pytest.mark.parametrize("sign_on", [SignOn(orthanc_user_of), SignOn(orthanc_user_of, "Remote-User", "")])
def test_without_header_or_secret_in_the_settings_no_proxy_is_believed(sign_on: SignOn) -> None:
    assert sign_on.user_of(Headers(OF_PROXY | ANN)) is None
    assert sign_on.user_of(Headers({"X-Proxy-Secret": ""} | ANN | BASIC)) == "proxy"


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(SignOn(orthanc_user_of, "Remote-User", SECRET))


def test_the_settings_name_header_and_secret() -> None:
    section = {"SignOn": {"UserHeader": "Remote-User", "ProxySecret": SECRET}}
    services = build_services(load_settings({"PacsSuite": section}, {}), None)
    try:
        assert services.sign_on.user_of(Headers(OF_PROXY | ANN)) == "ann@hospital"
    finally:
        services.close()


@pytest.mark.parametrize(
    "section",
    [
        {"UserHeader": "Remote-User"},
        {"ProxySecret": SECRET},
        {"UserHeader": "Remote-User", "ProxySecret": "short"},
        {"UserHeader": "Remote User", "ProxySecret": SECRET},
    ],
)
def test_one_without_the_other_stops_the_start(section: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"PacsSuite": {"SignOn": section}}, {})
    assert SECRET not in str(refused.value)
