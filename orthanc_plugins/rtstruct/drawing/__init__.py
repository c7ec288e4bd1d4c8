"""Pictures of regions on their images, and the letters in them; loaded when first asked for, with Pillow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
