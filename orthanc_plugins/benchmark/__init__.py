"""The paired benchmark of both archives.

What it is for: seven questions (upload, query, retrieval, 10 and 50 users at once, memory, disk) asked of
both archives alike, interleaved, with data of its own that is taken away afterwards.

Modules: `targets` (which archives, and how they are reached), `refusal` (not on production), `connection`,
`multipart`, `dimse` (the thin clients), `dataset` (what is sent), `upkeep` and `journal` (what was there
before is there afterwards), `workloads` (what is timed), `measuring` (rounds and samples), `statistics` and
`analysis` (what samples say), `memory`, `hardware`, `page_cache`, `ceiling` (the conditions), `results`,
`charts`, `report` and `history` (what is told), `run` (all of it).

Nothing is exported here: Orthanc's own process imports `targets` and `refusal`, which know no numerics.

Decisions
---------
2026-11-29  Both archives are asked by one and the same client, and not by the suite's `Archive` classes:
            these page, retry and coerce each in its own way. It is `http.client`: requests takes 5 ms more
            for each request on a busy machine, and hides when a connection is new.
2026-11-29  The round is the unit of evidence. Each question visits both archives one after the other, by lot;
            a round counts once. The test is exact and needs no assumption but that lot.
2026-11-29  Memory and disk have no performance_ratio: there is one process and one store on each side, so
            there is nothing to test.
2026-11-29  Studies are told by their PatientID's prefix, and by UIDs that a journal names before they are
            sent.
"""
