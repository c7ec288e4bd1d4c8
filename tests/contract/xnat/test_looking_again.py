"""What was delivered to XNAT is looked at again, long after: what XNAT may do since is no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import NotFound, ReleaseRefused
from tests.contract.xnat.delivering import SCRIPT, destination, parcel, stored_uids, uids_of, xnat
from tests.unit.delivery.parcels import PATIENT, SESSION, without_structures

if TYPE_CHECKING:
    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.delivery import Parcel
    from tests.contract.xnat.site import Site

__all__ = ["parcel", "xnat"]


def stored_again(site: Site) -> None:
    """Have XNAT run the project's script once more over what it holds, as when a session is relabelled."""
    uri = f"/data/projects/{site.project}/experiments/{SESSION}"
    held = site.downloaded(uri).values()
    row = site.send_to_prearchive(held, SESSION, PATIENT)
    site.archive(row, overwrite="append", overwrite_files="true")


def test_what_is_there_is_told_and_nothing_is_sent(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    there = destination(site, xnat)
    delivery = there.deliver(parcel)
    site.process.fault("refuse", at="POST /data/services/import", status=500)
    site.process.fault("refuse", at="PUT /xapi/anonymize/*", status=500)
    assert there.look(parcel) == delivery
    assert delivery.stored


def test_a_script_that_was_edited_and_ran_again_is_no_difference_and_its_digests_are_told(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    before = destination(site, xnat).deliver(parcel)
    site.set_script(SCRIPT + "\n// one more line\n", f"projects/{site.project}")
    assert destination(site, xnat).look(parcel).stored == before.stored
    stored_again(site)
    after = destination(site, xnat).look(parcel)
    assert after.changes == before.changes
    assert set(after.stored) == set(before.stored)
    assert not set(after.stored.values()) & set(before.stored.values())


def test_a_script_that_does_more_than_is_declared_is_found(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    destination(site, xnat).deliver(parcel)
    site.set_script('version "6.3"\n(0020,0010) := "X"\n', f"projects/{site.project}")
    stored_again(site)
    with pytest.raises(
        ReleaseRefused, match=r"\(0020,0010\): .*in 5 objects.*has changed since it was delivered"
    ):
        destination(site, xnat).look(parcel)


def test_what_is_missing_is_found_and_not_sent(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    images = without_structures(parcel)
    destination(site, xnat).deliver(images)
    with pytest.raises(ReleaseRefused, match="it is missing, in 1 object"):
        destination(site, xnat).look(parcel)
    assert stored_uids(site) == uids_of(images)
    site.delete(f"/data/projects/{site.project}/experiments/{SESSION}?removeFiles=true")
    with pytest.raises(NotFound, match="XNAT has no session"):
        destination(site, xnat).look(parcel)


def test_pictures_that_xnat_makes_of_the_images_are_no_difference(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    there = destination(site, xnat)
    delivery = there.deliver(parcel)
    scans = f"/data/projects/{site.project}/experiments/{SESSION}/scans"
    scan = site.rows(scans)[0]["ID"]
    site.put(f"{scans}/{scan}/resources/SNAPSHOTS")
    picture = f"{scans}/{scan}/resources/SNAPSHOTS/files/{scan}_qc.gif?inbody=true"
    assert site.put(picture, data=b"GIF89a").status_code == 200
    names = [row["Name"] for row in site.rows(f"{scans}/ALL/files")]
    assert f"{scan}_qc.gif" in names
    assert there.look(parcel) == delivery
    assert there.deliver(parcel) == delivery
