"""Which transfers that failed were made good since, by later ones or by whatever else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, exists, or_, select
from sqlalchemy.orm import aliased

from orthanc_plugins.store.inventory_checks import checked_now
from orthanc_plugins.store.inventory_records import LEFT, RIGHT
from orthanc_plugins.store.inventory_tables import InventoryStudy
from orthanc_plugins.store.transfers_records import InstanceState, TransferState
from orthanc_plugins.store.transfers_tables import TransferInstanceRow, TransferRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def is_settled() -> ColumnElement[bool]:
    """Return that a transfer failed, wholly or in part, and nothing of it is left to be made good.

    A later one of the study to the same archive is verified and was about every instance that this one had
    not verified; or both archives hold the same instances of the study, as they were listed since. Where the
    content was to be compared, that has to be known to be equal, too.
    """
    failed = TransferRow.state.in_((TransferState.PARTLY.value, TransferState.FAILED.value))
    return and_(failed, or_(_is_done_later(), _is_same_in_both()))


def _is_done_later() -> ColumnElement[bool]:
    later, missed = aliased(TransferRow), aliased(TransferInstanceRow)
    brought, any_brought = aliased(TransferInstanceRow), aliased(TransferInstanceRow)
    is_brought = exists().where(
        brought.transfer_id == later.transfer_id, brought.sop_instance_uid == missed.sop_instance_uid
    )
    is_left_out = exists().where(
        missed.transfer_id == TransferRow.transfer_id,
        missed.state != InstanceState.VERIFIED.value,
        ~is_brought.correlate_except(brought),
    )
    # The single instances of one that is verified are forgotten after a time.
    is_known = exists().where(any_brought.transfer_id == later.transfer_id).correlate_except(any_brought)
    return exists().where(
        later.study_uid == TransferRow.study_uid,
        later.destination == TransferRow.destination,
        later.state == TransferState.VERIFIED.value,
        later.requested_at > TransferRow.requested_at,
        or_(TransferRow.verify != "content", later.verify == "content"),
        case((is_known, ~is_left_out.correlate_except(missed)), else_=later.wanted >= TransferRow.wanted),
    )


def _is_same_in_both() -> ColumnElement[bool]:
    left, right = aliased(InventoryStudy), aliased(InventoryStudy)
    since = TransferRow.requested_at
    same = (
        select(left.study_uid)
        .join(right, and_(right.archive == RIGHT, right.study_uid == left.study_uid))
        .where(
            left.archive == LEFT,
            left.study_uid == TransferRow.study_uid,
            left.contents_digest == right.contents_digest,
            or_(
                left.changed_at > since,
                right.changed_at > since,
                and_(left.listed_at > since, right.listed_at > since),
            ),
        )
    )
    return and_(
        same.exists(),
        or_(TransferRow.verify != "content", _compared(equal=True)),
        ~_compared(equal=False),
    )


def _compared(*, equal: bool) -> ColumnElement[bool]:
    """Return that the content of the study was compared, as both hold it now, and found equal or not."""
    left, right = aliased(InventoryStudy), aliased(InventoryStudy)
    found = checked_now(equal=equal, left=left, right=right)
    return found.where(left.study_uid == TransferRow.study_uid).exists()
