"""Released studies on their way to researchers: sent, asked back, compared, and only then delivered.

What is handed in (`Parcel`) was de-identified and checked before; a `Destination` takes it, tells by which
labels it is found there, and returns a `Delivery` only when what is stored there was looked at again.

Decisions
---------
2026-11-30  Delivering twice is harmless: a destination looks first at what it holds already, and never sends
            again what it cannot tell to be missing.
"""

from orthanc_plugins.delivery.parcel import Delivery, Destination, Parcel, ParcelFile

__all__ = ["Delivery", "Destination", "Parcel", "ParcelFile"]
