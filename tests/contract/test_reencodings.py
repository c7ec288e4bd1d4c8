"""Files of others, rewritten by others: pydicom's test files against what DCMTK makes of them.

Neither had this comparison in mind. What dcmconv writes says the same; what dcmcrle and dcmcjpls compress has
the same values; what dcmcjpeg compresses has them too, and says in words that it was compressed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pydicom.data
import pytest

from orthanc_plugins.archives.base import DicomFile
from orthanc_plugins.content import compare_files, instance_digest
from orthanc_plugins.content.encoding import read_object
from orthanc_plugins.content.frames import frames_of
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import SopInstanceUid

FOLDER = Path(pydicom.data.__file__).parent
CONVERSIONS = {
    "explicit": ("dcmconv", "+te"),
    "implicit": ("dcmconv", "+ti"),
    "big endian": ("dcmconv", "+tb"),
    "deflated": ("dcmconv", "+td"),
    "undefined lengths": ("dcmconv", "-e"),
    "defined lengths": ("dcmconv", "+e"),
    "group lengths": ("dcmconv", "+g"),
    "padding": ("dcmconv", "+p", "512", "32"),
    "UTF-8": ("dcmconv", "+U8"),
}
UNREADABLE = {"no_meta.dcm", "rtplan_truncated.dcm"}
"""A stray byte ahead of everything, and a file that is cut short: refused, as pydicom refuses them."""
NO_DOSE_OF_WORDS = {"rtdose_expb.dcm", "rtdose_expb_1frame.dcm"}
"""32-bit pixels of big endian files in which pairs of words have changed places: no tool but pydicom's own
test reads them so. DCMTK takes them for what the standard says, as is done here."""
DAMAGED = "MR_truncated.dcm"
"""Its pixels are cut short; what DCMTK makes of it has none of them, or others."""
FILES = sorted(
    path
    for folder in ("test_files", "charset_files")
    for path in (FOLDER / folder).glob("*.dcm")
    if path.name not in UNREADABLE | NO_DOSE_OF_WORDS
)


def dicom_file(path: Path) -> DicomFile:
    content = path.read_bytes()
    found = read_object(content)
    uid = SopInstanceUid(found.data_set.text(0x00080018))
    return DicomFile(uid, found.data_set.text(0x00080016), found.transfer_syntax_uid, content)


def made(tool: tuple[str, ...], path: Path, folder: Path) -> DicomFile | None:
    """Return what a tool makes of a file, None where it refuses to."""
    out = folder / "made.dcm"
    out.unlink(missing_ok=True)
    subprocess.run([*tool, str(path), str(out)], capture_output=True, check=False)
    return dicom_file(out) if out.exists() and out.stat().st_size else None


def classes(left: DicomFile, right: DicomFile) -> set[str]:
    """Return the classes of all differences."""
    found = compare_files(left, right)
    assert not found.incomplete
    return {one.kind.value for one in found.differences}


def test_there_are_files_of_every_kind() -> None:
    syntaxes = {dicom_file(path).transfer_syntax_uid for path in FILES}
    assert len(FILES) > 80
    assert len(syntaxes) >= 10


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_what_dcmconv_writes_says_the_same(conversion: str, tmp_path: Path) -> None:
    converted = 0
    for path in FILES:
        original = dicom_file(path)
        other = made(CONVERSIONS[conversion], path, tmp_path)
        if other is None:
            continue  # dcmconv does not write compressed pixels in another way, nor repair what is damaged
        converted += 1
        expected = {"pixel"} if path.name == DAMAGED else set()
        assert classes(original, other) == expected, f"{path.name}, {conversion}"
    assert converted > 45


@pytest.mark.parametrize("tool", ["dcmcrle", "dcmcjpls"])
def test_what_dcmtk_compresses_has_the_same_values(tool: str, tmp_path: Path) -> None:
    compressed = 0
    for path in FILES:
        original = dicom_file(path)
        other = made((tool,), path, tmp_path)
        if (
            other is None
            or not has_frames(original)
            or original.transfer_syntax_uid == other.transfer_syntax_uid
        ):
            continue
        compressed += 1
        assert classes(original, other) == {"transfer_syntax_only"}, f"{path.name}, {tool}"
        digests = [instance_digest(one, decode=True) for one in (original, other)]
        assert digests[0].recoded_as(digests[1]) or "overlay" in path.name, "icons are told by their elements"
    assert compressed > 20


def has_frames(file: DicomFile) -> bool:
    """Return whether a file has pixels that are not compressed and can be read."""
    try:
        next(frames_of(read_object(file.content).data_set, file.transfer_syntax_uid))
    except InvalidDicom:
        return False
    return True


@pytest.mark.parametrize("option", ["+e1", "+el"])
def test_what_dcmcjpeg_compresses_without_loss_has_the_same_values(option: str, tmp_path: Path) -> None:
    path = FOLDER / "test_files" / "CT_small.dcm"
    other = made(("dcmcjpeg", option), path, tmp_path)
    assert other is not None
    found = compare_files(dicom_file(path), other)
    assert [(one.kind.value, one.keyword) for one in found.differences] == [
        ("metadata", "DerivationDescription"),
        ("transfer_syntax_only", "TransferSyntaxUID"),
    ]


@pytest.mark.parametrize(
    ("name", "tool"), [("SC_rgb_rle.dcm", "dcmdrle"), ("SC_rgb_jpeg_gdcm.dcm", "dcmdjpg")]
)
def test_colours_that_are_decompressed_have_the_same_values(name: str, tool: str, tmp_path: Path) -> None:
    path = FOLDER / "test_files" / name
    other = made(("dcmdjpeg" if tool == "dcmdjpg" else tool,), path, tmp_path)
    assert other is not None
    assert classes(dicom_file(path), other) == {"transfer_syntax_only"}


def test_a_lossy_jpeg_that_another_decoder_decompressed_is_told_with_how_little_it_differs(
    tmp_path: Path,
) -> None:
    path = FOLDER / "test_files" / "JPGExtended.dcm"
    other = made(("dcmdjpeg",), path, tmp_path)
    assert other is not None
    (found,) = compare_files(dicom_file(path), other).differences
    assert found.kind.value == "pixel"
    assert "differ: by up to 1, by" in found.detail
    assert found.detail.endswith(
        "By so little, decoders of JPEG Extended (Process 2 and 4) differ among themselves."
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MR_small.dcm", "MR_small_bigendian.dcm"),
        ("MR_small.dcm", "MR_small_implicit.dcm"),
        ("MR_small.dcm", "MR_small_expb.dcm"),
        ("MR_small.dcm", "MR_small_padded.dcm"),
        ("liver_1frame.dcm", "liver_expb_1frame.dcm"),
        ("SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm"),
    ],
)
def test_siblings_among_the_test_files_have_the_same_pixels(one: str, other: str) -> None:
    left, right = (
        instance_digest(dicom_file(FOLDER / "test_files" / name), decode=True) for name in (one, other)
    )
    assert left.pixels.values == right.pixels.values != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MR_small.dcm", "MR_small_RLE.dcm"),
        ("MR_small.dcm", "MR_small_jp2klossless.dcm"),
        ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm"),
        ("rtdose.dcm", "rtdose_rle.dcm"),
    ],
)
def test_compressed_siblings_have_the_same_values(one: str, other: str) -> None:
    left, right = (
        instance_digest(dicom_file(FOLDER / "test_files" / name), decode=True) for name in (one, other)
    )
    assert left.pixels.values == right.pixels.values != ""
    assert left.pixels.coding != right.pixels.coding


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_what_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidDicom):
        dicom_file(FOLDER / "test_files" / name)
