from .measurement_report import build_measurement_report as build_measurement_report
from .origin import DrawnRegion as DrawnRegion
from .origin import Origin as Origin
from .origin import is_ours as is_ours
from .segmentation import build_segmentations as build_segmentations
from .surface import build_surface as build_surface
