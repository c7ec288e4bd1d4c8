"""Two archives against each other: inventories, differences, plans. Pure, and light to import.

What it is for: the records that comparisons, repairs and reports share, and the set arithmetic over what
archives list. It knows no network, no database and no pixels; `content` compares what files hold.

Public: ``differences`` (`Difference`, `DifferenceClass`, `Comparison`, `StudyCounts`).

Decisions
---------
2026-11  Left is Orthanc and right is DCM4CHEE everywhere inside; answers name the archives.
"""
