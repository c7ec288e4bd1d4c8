"""Words that may stay: what of a text tells of anatomy and technique, and of nobody (PS3.15 E.3.4, E.3.5).

Public: `Echo` (what repeats a known identity), `cleaned_description`, `allowed_region_name`,
`replacement_region_name` and `replacement_segment_label`, `allowed_code`, `cleaned_code` and `is_scheme`,
`text_may_stay` and `allowed_text`, `reaches_somebody`.

- 2026-11: a closed vocabulary says what stays; nothing is recognised as a name in order to go. What no list
  has is dropped, so an unknown name in any writing goes as well.
- 2026-11: common surnames are not in the vocabulary, anatomy or not; where technique needs one, two words
  stand together ("long axis", "vibe dixon"). Anatomy that a few are called stays, but not after a title, and
  not where it repeats a name of the object's own (`Echo`).
- 2026-11: what machines write (Manufacturer, Software Versions, Stack ID, private schemes) has no closed
  vocabulary: products have names, and research compares scanners by them. It stays unless it repeats an
  identity or has a person's form (`reaches_somebody`). A nickname alone, in no such form, is not seen there.
- 2026-11: `Echo` folds case, accents, ligatures, letters of other alphabets that look Latin, and names
  written in another alphabet; the beginning of a long name counts where the value had no room for its end.
- 2026-11: results are ASCII, so they fit whatever Specific Character Set an object has.
- 2026-11: `Echo` is no single pattern: a glance for each needle's letters in the text without separators,
  then the one pattern that is hit; on 1,100 characters that takes a twentieth of the time of one alternation.
"""

from orthanc_plugins.deid.text.codes import Code, allowed_code, cleaned_code, is_scheme
from orthanc_plugins.deid.text.descriptions import cleaned_description
from orthanc_plugins.deid.text.echo import Echo
from orthanc_plugins.deid.text.region_names import (
    allowed_region_name,
    replacement_region_name,
    replacement_segment_label,
)
from orthanc_plugins.deid.text.sr_text import allowed_text, text_may_stay
from orthanc_plugins.deid.text.telltales import reaches_somebody

__all__ = [
    "Code",
    "Echo",
    "allowed_code",
    "allowed_region_name",
    "allowed_text",
    "cleaned_code",
    "cleaned_description",
    "is_scheme",
    "reaches_somebody",
    "replacement_region_name",
    "replacement_segment_label",
    "text_may_stay",
]
