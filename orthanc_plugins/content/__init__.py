"""Two copies of a study against each other: elements, pixels, structures; and the reports of what was found.

What it is for: to say with evidence that what is in both archives is the same, or what exactly is not. Left
is Orthanc, right is DCM4CHEE. It knows DICOM, and neither networks nor databases: files come from iterators.

Public: `compare_studies` (of `StudyCopy`), `digest_study`, `instance_digest` (`InstanceDigest`),
`compare_files`, `same_content`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
