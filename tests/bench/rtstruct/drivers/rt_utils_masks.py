"""Every mask of a structure set by rt-utils: ``python rt_utils_masks.py RTSTRUCT IMAGES OUTPUT``.

rt-utils gives arrays and no header; the masks are written as a straight stack on the first image.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK
from rt_utils import RTStructBuilder


def main(structure_set: str, images: str, output: str) -> None:
    """Write a NIfTI file for each region."""
    read = RTStructBuilder.create_from(dicom_series_path=images, rt_struct_path=structure_set)
    first, last = read.series_data[0], read.series_data[-1]
    origin = np.array(first.ImagePositionPatient, dtype=float)
    row, column = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(row, column)
    height_mm = float((np.array(last.ImagePositionPatient, dtype=float) - origin) @ normal)
    gap_mm = abs(height_mm) / (len(read.series_data) - 1)
    direction = np.column_stack((row, column, np.sign(height_mm) * normal))
    between_rows, between_columns = (float(value) for value in first.PixelSpacing)
    for number, name in enumerate(read.get_roi_names(), 1):
        try:
            mask = read.get_roi_mask_by_name(name)
        except Exception as error:  # one region that fails must not hide the others
            print(f"{number}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        image = SimpleITK.GetImageFromArray(np.ascontiguousarray(np.moveaxis(mask, -1, 0), dtype=np.uint8))
        image.SetOrigin(origin.tolist())
        image.SetSpacing((between_columns, between_rows, gap_mm))
        image.SetDirection(direction.ravel().tolist())
        safe = "".join(letter if letter.isalnum() else "_" for letter in name)
        SimpleITK.WriteImage(image, str(Path(output) / f"{number:03d}_{safe}.nii.gz"), useCompression=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
