"""De-identification beside its peers: what each lets through, breaks and costs, on one machine in one run.

``scripts/bench deid prepare`` makes the peers, each in an environment of its own; ``… leaks`` has every tool
work on the planted corpus (`tests.builders.planted`) and judges what comes out by the corpus's key; ``…
speed`` times 200 CT images and structure sets of 2 and 10 MB.

Decisions
---------
2026-11-30  What comes out is judged by bytes and by pydicom, never by a line of the engine or of its check.
2026-11-30  A tool that fails on an object has not released it; its other objects count.
2026-11-30  Every tool stays in a process of its own and is asked by lines of JSON: a start of Python is no
            part of its time, and one that dies or hangs takes nothing else with it.
2026-11-30  Numbers are looked for as whole runs of digits: seven digits turn up by chance in new UIDs.
2026-11-30  A picture can still be read when where there were strokes of letters it looks as it did.
"""
