"""What stands in XNAT's place: its REST API, prearchive, archive, scripts and DICOM receiver, for tests.

``python -m xnat_standin --port 8105 --data FOLDER`` answers as XNAT 1.9 does where the suite, xnatpy and
pyxnat look. ``xnat/README.md`` tells what it does, and what it does not.

Public: `Configuration` (`configuration`), `create_app` (`application`).

Decisions
---------
2026-11-30  The package is not called ``xnat.standin``: the Python client that the tests try it with is the
            module ``xnat``, and must be found whatever stands first on the path.
2026-11-30  What is asked for and not played is refused with 501, never passed over: a client must not believe
            that its parameter was heard.
2026-11-30  The session document is read before a project's script runs and is not touched by it, as in XNAT:
            what a script removes from files is still told by the archive.
"""
