"""The archives the suite talks to.

What it is for: one client per kind of archive; each turns its library's errors into ``ArchiveError``
(``ArchiveUnavailable``: try again, ``ArchiveRefused``: do not).

Public: ``OrthancRest`` and its records, all of Orthanc that the suite uses; ``OrthancArchive``, Orthanc by
the protocol of ``base`` that both archives keep to; ``Dcm4cheeArchive``, DCM4CHEE by the same, and who the
suite is there: ``BasicCredentials`` or ``ClientCredentials``.

Decisions
---------
2026-11: Orthanc is reached by HTTP even from inside its own process: the in-process calls lose the
    status and the text of a failure, and the same client then serves plugin and worker.
2026-11: proxies of the environment are ignored: archives are on the hospital's own network.
2026-11: DICOMweb is spoken with requests and code of our own, not with dicomweb-client: that one sees neither
    206 nor a Warning of further rows, and tells no outcome of a single instance that was stored.
2026-11: C-STORE is pynetdicom's negotiation over a socket of our own, which sends files as they are stored:
    pynetdicom's reactor took five times as long as DCMTK's storescu, this one as long as that
    (``tests/bench/transports.py``).
2026-11: pydicom, which loads numpy, is imported when something is sent or read back: Orthanc's process only
    asks.
2026-11: an archive is asked what it holds before anything is sent to it a second time.
2026-11: names are loaded when they are first asked for: a command that speaks to no archive need not wait for
    what speaks HTTP.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
