"""DicomEdit 6 as far as our own script and XNAT's defaults need it.

Public: `Script` (`script`), `DicomEditError` (`language`), `hashed_uid` (`functions`).

Decisions
---------
2026-11-30  What this interpreter does not know is an error, as an unreadable script is in XNAT: a line
            passed over in silence would let a test believe in a de-identification that never ran.
2026-11-30  The language's version that is supported can be lowered (``6.3``): what a site's older XNAT would
            refuse is refused here, too.
"""
