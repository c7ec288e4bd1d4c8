"""Two copies of a study against each other: elements, pixels, structures; and the reports of what was found.

What it is for: to say with evidence that what is in both archives is the same, or what exactly is not. Left
is Orthanc, right is DCM4CHEE. It knows DICOM, and neither networks nor databases: files come from iterators.

Public: `compare_studies` (of `StudyCopy`), `instance_digest` (`InstanceDigest`),
`compare_files`, `same_content`; what is made of comparisons is in ``content.reports``. Without content,
`sync.listing.compare_listings` compares what archives list. ``content.edit`` changes elements in a file.

Decisions
---------
2026-11-29  What a data set says is compared, not how it is written. Left aside: order and padding, implicit,
            explicit, big endian or deflated, lengths of sequences and groups, group 2, trailing padding, and
            Specific Character Set (text is compared as it reads). Between uncompressed transfer syntaxes
            there is no difference at all; a compressed one is ``transfer_syntax_only``.
2026-11-29  Absent and empty are the same. PS3.5 7.4.5 says so of type 3; of type 2 both mean that nothing is
            known, and DCM4CHEE adds empty elements when it merges. A value that was lost is told either way.
2026-11-29  Numbers as text (DS, IS) are the same when they are the same double: 1.50, 1.5 and +1.5E0 are.
            Dates and times are text: 1200 says less than 120000. Binary floats are compared bit for bit.
2026-11-29  Person names: delimiters that nothing follows say nothing; spaces ahead of them do. Capitals and
            forms of Unicode count everywhere: whoever changes them changes the value.
2026-11-29  Private elements are told by group, creator and number, whichever block holds them. Where only one
            copy states how one is to be read (the other has UN, or is implicit), their bytes decide.
2026-11-29  What the dictionary knows is read by it, whatever representation the file states, as far as both
            are text or both are words: LO for SH, UN for anything, US for SS are no differences.
2026-11-29  Text that cannot be read in its character set is compared as bytes. The default repertoire is read
            as Latin-1, as every reader does. A charset that is wrong shows in the text, and is named there.
2026-11-29  Items of sequences are compared by place; sequences of different length are aligned first. Those
            of a structure set that number their items (regions, contours, observations) have no order.
2026-11-29  Contours are told by region: one difference for each region, with volumes, contours and points.
            570,000 points as elements would be thousands of lines that nobody reads.
2026-11-29  ``coerced`` needs proof: Original Attributes Sequence of one copy holds the value that the other
            has. That an attribute is of a kind the archive likes to change proves nothing.
2026-11-29  Values of pixels are the stored bits, unsigned; bits that are not stored are no value, but for
            overlays in them. Colours are compared as decoded; YBR_FULL against RGB after conversion.
2026-11-29  Equal bytes in one coding are the same without being decoded, even when they are damaged: then a
            note says so. Damage on one side is ``pixel``; what cannot be decoded on either side, and is not
            the same bytes, leaves the comparison incomplete. Never is it equal.
2026-11-29  Values decoded from JPEG by two decoders may differ by one: that is ``pixel``, with by how much. A
            tolerance would hide a manipulated bit.
2026-11-29  Documents, waveforms, spectra and overlays are ``pixel`` too: they are what the object is for, and
            are repaired as a whole. Photometric Interpretation and Planar Configuration go with the pixels;
            a coding that was changed explains them, nothing else does.
2026-11-29  32-bit pixels of big endian files are pairs of 16-bit words (PS3.5 6.2, OW), as DCMTK and dcm4che
            write them; pydicom's sample of such a dose has them otherwise.
2026-11-29  A reader of its own: pydicom's and its elements took 5 to 20 times as long; a digest of an image
            with 73 elements takes 0.3 ms. Decoding is pydicom's.
2026-11-29  The same difference in all instances of a study or series is told once, at that level.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
