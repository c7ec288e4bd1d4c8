"""The suite inside Orthanc's process: the only room that is handed the module ``orthanc``.

What it is for: read Orthanc's events and hand them on (``events``), answer REST calls from the ASGI
application (``asgi_bridge``), keep the embedded worker running (``supervisor``). No decisions, no DICOM,
no numerics: all Python in Orthanc shares one interpreter lock.

Public: ``register``.

Decisions
---------
2026-11: callbacks never call back into Orthanc and never wait; a thread of the suite does.
2026-11: the module ``orthanc`` is an argument, so that tests can hand in a fake.
"""

from orthanc_plugins.plugin.registration import register

__all__ = ["register"]
