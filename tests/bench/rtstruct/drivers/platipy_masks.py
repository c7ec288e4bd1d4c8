"""Every mask by platipy's own function: ``python platipy_masks.py RTSTRUCT IMAGES OUTPUT``."""

import sys

from platipy.dicom.io.rtstruct_to_nifti import convert_rtstruct


def main(structure_set: str, images: str, output: str) -> None:
    """Let its own function write the masks."""
    convert_rtstruct(images, structure_set, prefix="", output_dir=output)


if __name__ == "__main__":
    main(*sys.argv[1:])
