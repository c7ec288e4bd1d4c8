"""The RT-STRUCT engine against every peer that installs: the same work, on one machine, in one run.

``scripts/bench rtstruct prepare`` makes the peers, each in an environment of its own; ``… run`` measures
seconds and memory (`speed`), errors against what is true (`errors`) and bad input (`survival`), and writes
the tables, the raw figures and the picture (`report`); ``… conformance`` runs the public analytic gate.

What is true is computed from the contours by `reference`, with shapely and without a line of the engine.

Decisions
---------
2026-11-21  Every program is started by a small process of its own (`clock.py`): a child begins with the peak
            memory of its parent, and this bench is larger than the engine.
2026-11-21  Memory is taken in the first, untimed run of each program, which also warms the page cache.
2026-11-21  Masks are judged where their own headers put them, at the pixel centres of the planes the contours
            lie on. rt-utils has no header; it is given that of the images.
2026-11-21  Every peer runs on the Python of the runtime, like the engine, with its newest dependencies it
            runs with: dcmrtstruct2nii, platipy and dicompyler-core need pydicom 2.
"""
