"""Every mask of a structure set by rt-utils: ``python rt_utils_masks.py RTSTRUCT IMAGES OUTPUT``.

rt-utils gives arrays and no header; the masks are written with the grid of the images, first to last.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from rt_utils import RTStructBuilder


def main(structure_set: str, images: str, output: str) -> None:
    """Write a NIfTI file for each region."""
    read = RTStructBuilder.create_from(dicom_series_path=images, rt_struct_path=structure_set)
    first, last = read.series_data[0], read.series_data[-1]
    origin = np.array(first.ImagePositionPatient, dtype=float)
    along = (np.array(last.ImagePositionPatient, dtype=float) - origin) / (len(read.series_data) - 1)
    gap_mm = float(np.linalg.norm(along))
    turned = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    direction = np.column_stack((turned[0], turned[1], along / gap_mm))
    between_rows, between_columns = (float(value) for value in first.PixelSpacing)
    for number, name in enumerate(read.get_roi_names(), 1):
        try:
            mask = read.get_roi_mask_by_name(name)
        except Exception as error:  # one region that fails must not hide the others
            print(f"{number}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        image = sitk.GetImageFromArray(np.ascontiguousarray(np.moveaxis(mask, -1, 0), dtype=np.uint8))
        image.SetOrigin(origin.tolist())
        image.SetSpacing((between_columns, between_rows, gap_mm))
        image.SetDirection(direction.ravel().tolist())
        safe = "".join(letter if letter.isalnum() else "_" for letter in name)
        sitk.WriteImage(image, str(Path(output) / f"{number:03d}_{safe}.nii.gz"), useCompression=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
