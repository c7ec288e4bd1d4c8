"""The RT-STRUCT engine: contours of a radiotherapy plan to masks, meshes, measures and pictures.

It knows DICOM and geometry, and nothing of Orthanc, HTTP or databases. Everything is a pure function of
its arguments but `extract`, which writes files. A walk through it::

    case = load("folder")                                     # a structure set on its images
    case["GTV"].mask(), case["GTV"].mesh(), case["GTV"].measures()
    case["GTV"].dose_volume_histogram(), case.labels("GTV", "Lung_L"), case.compare(other_case)

or step by step::

    structure_set = read_structure_set(Path("rtstruct.dcm"))
    series = series_from_files(Path("images").iterdir())
    grid, _, _ = build_grid(series.images)
    placed, problems = place(structure_set.regions[0], grid)
    mask, surface = rasterise(placed), mesh(placed)
    results = extract(structure_set, series, Path("out"))     # all regions, their files
    write_documents(structure_set, results, Path("out"), DEFAULT_FORMATS)   # contours, report, scene

``README.md`` beside this file has more of it.

Public: `load` (`Case`, `CaseRegion`, `RegionChoice`), reading (`read_structure_set`, `StructureSet`,
`Region`, `Contour`), images (`ImageRecord`, `ImageSeries`, `series_from_files`, `series_from_datasets`,
`read_pixels`, `rescaled_pixels`, `intensity_unit`), geometry (`VoxelGrid`, `build_grid`,
`grid_from_contours`, `place`, `PlacedRegion`), filling (`rasterise`, `RegionMask`, `coverage`; `fractions`,
`PartialMask`), `mesh`, `Mesh`, `stl_bytes`, measures (`measure`, `shape_of`, `intensity_statistics`,
`volume_ml`; for masks and meshes of others `Roundness`, `point_covariance`, `principal_axes`,
`farthest_pair`), `mask_nifti`, and the whole (`extract`, `FORMATS`, `Results`, `RegionResult`, `Phase`,
`Problem`), doses (`read_dose`, `Dose`, `DOSE_METRICS`; more in `rtstruct.dose`), comparison
(`compare_structure_sets`, `Comparison`, `compare_regions`, `pair_table`, `surface_distances`,
`nearest_distances`; more in `rtstruct.comparison`), and what is made of it (`write_documents`, `Documents`
which begins them while regions are worked on, or one at a time: `write_contours`, `write_report`,
`write_scene`).

Decisions
---------
2026-11-21  Inside is: the voxel's centre, half-open edges. Neighbours share no voxel and miss none. Five
            readers were compared; those that fill border pixels are 4 to 38 % too large.
2026-11-21  Repeated contours are collapsed, then even-odd: plain exclusive-or erases regions whose contours
            are stored twice, plain union fills holes. Both occur in clinical files.
2026-11-21  Contours find their plane by position, not by the image they name: references to absent images are
            the rule rather than the exception.
2026-11-21  `volume_cc` is planimetric: it does not depend on how the pixel grid falls. Voxel and mesh volumes
            are reported beside it, each by its name.
2026-11-21  ContourData is converted from its raw bytes (pydicom's decimal strings: 1.5 s instead of 0.1 s);
            masks are runs inside a box (a region's memory, not the volume's); isal writes gzip (1.6 GB of
            mostly zeros in 0.15 s where zlib at level 6 takes 5 s).
2026-11-21  The page of surfaces has a viewer of its own (WebGL 2, no library): what trimesh bundles has no
            legend, no opacity and no policy against scripts in names.
2026-11-21  Documents begin while regions are worked on: the scene thins meshes in memory, by a table of
            cubes, instead of welding and sorting their STL (2.06 s to 0.22 s of CPU for 30 regions). The
            report holds bytes instead of base-85 text, and the pictures as they are (0.51 to 0.23 s).
            Pictures are compressed by isal: 3.9 ms for an overview that takes Pillow 52 ms, and smaller.
2026-11-21  Axes, centroid and extents are integrals over sections and slabs, not sums of voxels or corners:
            exact for what was drawn. Shapes of a surface (sphericity, 3D diameter) are the mesh's. All take
            0.1 s for 30 regions of 570,000 contour points.
2026-11-21  The farthest pair is found by walking and pruning, what remains by a tree in one dimension more:
            on a smooth surface most points are corners of the convex hull, which alone took 0.7 s for a
            lung.
2026-11-21  Partial volumes are exact areas of polygon and pixel by signed sums along the rows, not samples:
            0.9 s for those 30 regions; sums agree with planimetry to a millionth.
2026-11-21  Areas of rings that cross themselves or each other are exact, from strips between their points and
            crossings: by lines a fixed distance apart they were up to 4 % out. Only rings whose outline and
            filling differ pay for it (one in two hundred clinical ones; no measurable time in all).
2026-11-21  A repeat must lie where the ring does, not only share its box and area, as the two halves of a
            square do. How much of one ring lies in another is exact where it is neither all nor nothing.
2026-11-21  Where a side meets a row is computed by multiplying first: exact when that is a pixel's centre. A
            slope rounded first put one such centre in two thousand on the wrong side of a shared border.
2026-11-21  A file that is cut short fails as a whole: half a plan that looks whole is worse than none.
2026-11-21  Images are evenly spaced where each lies at its place by the spacing, not where gaps are alike:
            fifty gaps of 3 mm and fifty of 3.12 mm, taken for even, put a mask 3 mm beside its images.
2026-11-21  Regions that are not chosen still tell where planes lie. Where an image was missing, a region
            chosen alone had 14 % more volume than among the others.
2026-11-21  Surfaces are made by `surfaces`, whose decisions stand there; their volume is the contours' own
            within a thousandth. OBJ, PLY and GLB are written here in few lines: trimesh would take 0.6 s to
            load and tells neither unit nor frame.
2026-11-21  Masks with an axis too long for NIfTI-1 (32,767 voxels) are NIfTI-2, with a warning: nibabel and
            FSL read it, ITK 5.4 does not. Failing the job would lose all other outputs too.
2026-11-21  Labels in memory and in ``labels.nii.gz`` follow one rule, the smaller region wins: by the order
            given, a target inside an organ vanished. Numbers are places of the arguments.
2026-11-21  Large records print on a line (`brief`): that of a case with 60 images took 1.8 million
            characters, which every prompt and every failed assertion would show.
2026-11-21  Slivers of a region that end in the same pixel are summed up before their coverage is rounded:
            one by one, a hundred wrapped around in 8 bits and three hundred came to nothing.
2026-11-21  A contour stored again with one side 0.2 mm off counted as a hole and left a thousandth of a body,
            unsaid. A hole now is clearly smaller than the ring around it (half of its area) or keeps the
            distance of a rind, 0.25 mm, along three quarters of it; rings nine tenths alike that cross or run
            along one another are one: the larger stays where they differ by less than that, else both are
            joined. Jitter up to 2 mm, rounding and resampling pass; so do rinds of 0.5 mm.
2026-11-21  Only rings whose outlines touch are measured in pairs, found by sorting sides into strips; the
            others lie apart or inside, which one point tells. 62 nested rings of 100 points: 20 ms a plane
            instead of 300; 65 nested rings and 2,001 holes are no longer too many. Where there are too many
            still, the area is that of what is filled, not the sum of all.
2026-11-21  Rings that are joined are so on lines, not in volumes: a chain of 1,900 small ones asked for
            19 GB.
2026-11-21  Intensities in memory lie on the masks' grid, with NaN where a slice has no image: as the images'
            own stack, 43 of 50 slices, a mask picked from it failed or, worse, took another plane.
2026-11-21  A CT, MR or PET image without a position is damaged, not another kind of file: passed over, the
            slice it leaves out was told, but not which file is to blame. Screenshots are of another class.
2026-11-21  Where another frame of reference is allowed, the only series that is there is taken; of several
            none, for nothing tells which was meant.
"""

import lazy_loader

# Names are in __init__.pyi. Each is loaded when it is first asked for: masks alone need no scipy, Pillow or
# reportlab, a third of a second that a command on one small structure set would wait for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
