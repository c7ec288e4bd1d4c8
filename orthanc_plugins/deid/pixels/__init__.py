"""Text in pixels, and faces: what of an image names a person though no attribute does (PS3.15 E.3.1, E.3.2).

Public: `cleaned` (an instance without text in its pixels) and `look` (is there any?), both by a
`PixelPolicy` and with a `TextFinder` such as `rapid_finder` gives; `PixelVerdict` (`PixelState`, `Reason`,
`Box`); `Look` (what a person has decided), `inspected` and `without_hidden_bits` (for what leaves by such a
decision); `frames_of` (pictures for a person); `risk` (what the header says); `KnownRegions` (where devices
write); `face_risk`, `surface_regions`, `without_contours`.

Decisions
---------
2026-11-30  Whatever is not known to be measured slices is looked at. Burned In Annotation NO is not believed.
2026-11-30  All text found is painted over, not only names: what a machine reads wrongly it cannot judge.
2026-11-30  Every pixel of every frame is looked at, a place that did not change once. Boxes hold for all
            frames.
2026-11-30  After painting it is looked at again, a large instance around the paint. What still has legible
            text is held, as is what cannot be decoded. (To hold on all that looks like text held every second
            ultrasound image: without its text, its speckle was taken for some.)
2026-11-30  Videos, documents, labels of slides and photographs are held: nothing here looks at them.
2026-11-30  A named person may settle the rule that holds an object (`orthanc_plugins.rules.holds`). What no
            picture shows is settled by nobody: bits beside the stored values are cleared in any case, and
            what cannot be drawn stays held.
2026-11-30  Faces are not removed: a defacing that fails unseen is worse than none. Code 113102 is never
            claimed; a head is refused or flagged, and so is the surface of it that a structure set has.
2026-11-30  Compressed pixels stay uncompressed after painting: compressing with loss again would change them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
