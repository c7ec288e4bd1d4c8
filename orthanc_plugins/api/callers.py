"""Who asks a route, as its parameter."""

from typing import Annotated

from fastapi import Depends, Request

from orthanc_plugins.api.dependencies import Joined


def _user(services: Joined, request: Request) -> str | None:
    return services.sign_on.user_of(request.headers)


User = Annotated[str | None, Depends(_user)]
"""The account that asks, None where nobody vouches for one (`orthanc_plugins.sign_on`)."""


def _asker(user: User) -> str:
    return user or "request"


Asker = Annotated[str, Depends(_asker)]
"""What is noted of who asked: the account, or ``request`` where nobody vouches for one."""
