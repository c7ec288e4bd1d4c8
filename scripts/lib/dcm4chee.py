"""DCM4CHEE's place in a deployment: what stands in for it, or where the real one is.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

AET = "DCM4CHEE"
KEYS = {
    "DCM4CHEE_AET": "Aet",
    "DCM4CHEE_DICOM_HOST": "DicomHost",
    "DCM4CHEE_USERNAME": "Username",
    "DCM4CHEE_PASSWORD": "Password",
    "DCM4CHEE_TOKEN_URL": "TokenUrl",
    "DCM4CHEE_CLIENT_ID": "ClientId",
    "DCM4CHEE_CLIENT_SECRET": "ClientSecret",
    "DCM4CHEE_CA_FILE": "CaFile",
    "DCM4CHEE_CALLING_AET": "CallingAet",
}
"""What ``.env`` tells of a real one beside its address and port, and the keys of the suite's settings."""
_INSIDE = Path(__file__).resolve().parents[2] / "dcm4chee" / "standin" / "inside"
_PLUGINS = tuple(f"/usr/share/orthanc/plugins/lib{name}.so" for name in ("OrthancDicomWeb", "OrthancPython"))
_OF_AET = re.compile(r"/dcm4chee-arc/aets/([^/]+)/rs/?")
_NO_ANSWER = json.dumps(
    {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": "DCM4CHEE does not answer: scripts/status tells how the suite is.",
    }
)
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Place:
    """Where a stand-in keeps what it has, and where it listens."""

    folder: Path
    port: int
    orthanc_port: int
    dicom_port: int
    overwrite_policy: str = "SAME_SOURCE"


def web_root(port: int) -> str:
    """Return the root of a stand-in's DICOMweb."""
    return f"http://127.0.0.1:{port}/dcm4chee-arc/aets/{AET}/rs"


def orthanc_configuration(place: Place, **changes: Any) -> dict[str, Any]:
    """Return the configuration of the Orthanc behind a stand-in; changes are put over what is committed."""
    committed = json.loads((_INSIDE / "orthanc.json").read_text(encoding="utf-8"))
    own = {
        "HttpPort": place.orthanc_port,
        "DicomPort": place.dicom_port,
        "StorageDirectory": str(place.folder / "storage"),
        "IndexDirectory": str(place.folder / "storage"),
        "Plugins": [*_PLUGINS, *changes.pop("Plugins", ())],
        "LuaScripts": [str(_INSIDE / "c_store.lua")],
        "PythonScript": str(_INSIDE / "c_store.py"),
        "StandIn": {"OverwritePolicy": place.overwrite_policy},
    }
    return {**committed, **changes, **own}


def shim_configuration(place: Place, **changes: Any) -> dict[str, Any]:
    """Return the configuration of the shim; changes are put over it."""
    return {
        "Port": place.port,
        "OrthancUrl": f"http://127.0.0.1:{place.orthanc_port}",
        "StateFile": str(place.folder / "dcm4chee.sqlite"),
        "OverwritePolicy": place.overwrite_policy,
        **changes,
    }


def fault_of(url: str) -> str | None:
    """Return what is wrong with the address of a DCM4CHEE, None when nothing is."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named:
        return "is no http or https address"
    if not _OF_AET.fullmatch(parts.path) or parts.query or parts.username:
        return "must end with /dcm4chee-arc/aets/ and the AE title and /rs, and hold no password"
    return None


def dicom_of(url: str, port: int) -> dict[str, Any]:
    """Return AE title, host and port of the DICOM services beside a DICOMweb root."""
    parts = urlsplit(url)
    match = _OF_AET.fullmatch(parts.path)
    return {"Aet": match[1] if match else AET, "DicomHost": parts.hostname, "DicomPort": port}


def nginx(where: int | str | None, section: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what nginx's template is filled with: nothing, a stand-in's port, or a real one's address.

    ``section`` are the suite's settings of it: who the suite is there, nginx says for whom Orthanc lets in.
    """
    if where is None:
        return {"dcm4chee_upstream": "", "dcm4chee_location": ""}
    if isinstance(where, int):
        upstream = f"upstream dcm4chee {{\n        server 127.0.0.1:{where};\n        keepalive 8;\n    }}\n"
        return {"dcm4chee_upstream": upstream, "dcm4chee_location": _location("http://dcm4chee", ())}
    parts = urlsplit(where)
    resolver = "" if _is_address(str(parts.hostname)) else _resolver()
    user = section.get("Username")
    known = () if user is None else _as_user(user, section.get("Password") or "", section.get("CaFile"))
    return {
        "dcm4chee_upstream": resolver + (_ASKED.format(root=parts.path.rstrip("/")) if known else ""),
        "dcm4chee_location": _location(f"{parts.scheme}://{parts.netloc}", known),
    }


def is_read_by_browsers(section: Mapping[str, Any]) -> bool:
    """Return whether nginx can say who the suite is: not with tokens, which end and have to be fetched."""
    return section.get("TokenUrl") is None


_ASKED = """map "$request_method $uri" $dcm4chee_refused {{
        default 1;
        "~^(GET|HEAD) {root}/" 0;
        "~^POST {root}/studies(/[0-9.]+)?$" 0;
    }}
"""
"""What is asked for with the suite's password: reading and storing by DICOMweb, and no more."""


def _as_user(user: str, password: str, ca_file: str | None) -> tuple[str, ...]:
    """Return what lets those in whom Orthanc lets in, and says to DCM4CHEE who the suite is."""
    basic = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return (
        "    if ($dcm4chee_refused) { return 403; }",
        "    auth_request /signed-in;",
        f'    proxy_set_header Authorization "Basic {basic}";',
        "    proxy_ssl_verify on;",
        "    proxy_ssl_verify_depth 5;",
        f'    proxy_ssl_trusted_certificate "{ca_file or _AUTHORITIES}";',
    )


_SIGNED_IN = (
    "location = /signed-in {",
    "    internal;",
    "    proxy_method GET;",
    "    proxy_pass_request_body off;",
    '    proxy_set_header Content-Length "";',
    "    proxy_pass http://orthanc/system;",
    "}",
)
_NOBODY = ('    proxy_set_header Authorization "";',)
"""What a browser says to Orthanc is told to no other."""


def _location(origin: str, known: tuple[str, ...]) -> str:
    """Return a location whose origin is looked up when it is asked: nginx starts without it, too.

    Who answers is told, so that a stand-in is not taken for the real one.
    """
    lines = (
        *(_SIGNED_IN if known else ()),
        "location /dcm4chee-arc/ {",
        f"    set $dcm4chee {origin};",
        '    proxy_set_header Connection "";',
        "    proxy_set_header Host $http_host;",
        *(known or _NOBODY),
        "    proxy_ssl_server_name on;",
        "    proxy_pass_header Server;",
        "    error_page 502 504 @no_dcm4chee;",
        "    proxy_pass $dcm4chee;",
        "}",
        "location @no_dcm4chee {",
        "    default_type application/problem+json;",
        f"    return 502 '{_NO_ANSWER}';",
        "}",
    )
    return "\n        ".join(lines)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolver() -> str:
    text = _RESOLV_CONF.read_text(encoding="utf-8") if _RESOLV_CONF.exists() else ""
    servers = re.findall(r"^nameserver\s+([0-9a-fA-F:.]+)", text, re.MULTILINE)
    named = " ".join(f"[{server}]" if ":" in server else server for server in servers) or "127.0.0.1"
    return f"resolver {named};\n"
