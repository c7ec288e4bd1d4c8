"""Two archives against each other: inventories, differences, plans. Pure, and light to import.

What it is for: the records that comparisons, repairs and reports share, and the set arithmetic over what
archives list. It knows no network, no database and no pixels; `content` compares what files hold.

Public: ``differences`` (`Difference`, `DifferenceClass`, `Comparison`, `StudyCounts`); ``inventory`` and
``keeper`` (`InventoryKeeper`); ``plan`` (`make_plan`), ``actions`` (`RepairPlan`, `Action`), ``strategies``
(`judge`), ``settle`` (`operations`, and whether a later comparison lets them begin or says that they are
done), ``plan_text``; ``federation`` and ``timing``.

Decisions
---------
2026-11  Left is Orthanc and right is DCM4CHEE everywhere inside; answers name the archives.
2026-11  When an archive received a copy does not tell which is the newer: what was sent on later is not.
2026-11  UIDs, what refers to objects and what describes pixels are no subject of a repair: the table of their
         tags is made from pydicom's dictionary, which this room does not load.
"""
