from .pictures import Drawn as Drawn
from .pictures import overview as overview
from .pictures import overview_planes as overview_planes
from .pictures import region_colour as region_colour
from .pictures import region_picture as region_picture
from .pictures import window_for as window_for
