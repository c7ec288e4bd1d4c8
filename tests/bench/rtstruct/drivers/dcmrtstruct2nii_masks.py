"""Every mask by dcmrtstruct2nii, without its copy of the images: ``… RTSTRUCT IMAGES OUTPUT``."""

import sys

from dcmrtstruct2nii import dcmrtstruct2nii


def main(structure_set: str, images: str, output: str) -> None:
    """Let its own function write the masks."""
    dcmrtstruct2nii(structure_set, images, output, convert_original_dicom=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
