"""Every mask of a structure set by DicomRTTool: ``python dicomrttool_masks.py RTSTRUCT IMAGES OUTPUT``.

Its own exporter writes the images too, so the masks of its reader are written instead.
"""

import os
import sys
from pathlib import Path

import SimpleITK
from DicomRTTool.ReaderWriter import DicomReaderWriter


def main(structure_set: str, images: str, output: str) -> None:
    """Write a NIfTI file for each region; it looks for everything below one folder."""
    reader = DicomReaderWriter(verbose=False, arg_max=False)
    reader.walk_through_folders(os.path.commonpath((Path(structure_set).parent, images)))
    names = reader.return_rois(print_rois=False)
    reader.set_contour_names_and_associations(contour_names=names)
    reader.set_index(reader.indexes_with_contours[0])
    reader.get_images_and_mask()
    for number, (name, mask) in enumerate(reader.mask_dictionary.items(), 1):
        safe = "".join(letter if letter.isalnum() else "_" for letter in name)
        SimpleITK.WriteImage(mask, str(Path(output) / f"{number:03d}_{safe}.nii.gz"), useCompression=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
