"""Regions against each other: what they share, how far apart their surfaces are.

Within one structure set (`pair_table`, in every ``results.json``) and between two
(`compare_structure_sets`); any two regions in full (`compare_regions`).

Decisions
---------
2026-11-21  Volumes shared are counted on the masks' runs: the intersection of two regions costs a search
            of the shorter list of runs in the longer one, and no volume is ever filled.
2026-11-21  Surfaces are the smoothed meshes, and a distance is that of a vertex to the nearest place on the
            other surface, exactly (`closest`); voxel borders would add half a voxel either way.
2026-11-21  The nearest distance of all pairs is searched for together, boxes before vertices before triangles
            (`nearest`): tree queries of each organ's vertices against the body would take most of the time.
2026-11-21  The table tells distances up to 20 mm: where surfaces run beside each other far apart,
            thousands of places are almost nearest, and telling them apart took nine tenths of the time. A
            pair asked for in full has no such bound.
2026-11-21  Vertices are searched for by |p - c|² - r² (`closest`), in a tree of four dimensions: two to three
            have to be looked at for each point, where the longest reach of the whole mesh demanded seven,
            and sixteen were fetched. Two sets of 30 regions, 1.9 million vertices: 6 s of CPU, 13 before.
            A library with the search in C++ took as long, and 43 MB.
2026-11-21  The table holds 20,000 pairs, those of 200 regions; whole-body segmentations have 104. CPU of
            104 regions with 2.7 million vertices, 5,356 pairs: 0.7 s for what they share, 4.7 s for the
            nearest distances; 4 MB of JSON. Exact nearest distances would take 32 s, and were the same in
            all 984 pairs within 20 mm, to 0.001 mm: the table says how exact they are (``nearest_is``).
2026-11-21  Surfaces are measured in the table at 20,000 vertices, and a pair without says why: 200,000 would
            take 0.8 s more, of the 4.0 s that 30 regions take in all. Two regions compared by themselves
            have no such bound, and their nearest distance is exact.
2026-11-21  A set of other images is laid on the first's grid by its contours where they fit its planes,
            else by its own mask: contours on every third plane would leave two thirds of a mask empty.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
