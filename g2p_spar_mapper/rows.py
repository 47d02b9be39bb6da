# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rows on their way between the mapper's service and the SQL of the registry."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from .content import Content
from .outcomes import Record


class LiveRow(Record, frozen=True):
    """A mapping, locked for a change."""

    mapping_id: int | None
    id_key: str
    fa_key: str
    id_masked: str
    branch_code: str | None
    sealed: str | None
    state: str
    opened_at: datetime | None  #: UTC
    fa_masked: str
    head: str | None  #: hash of its last ledger row
    provider: str | None  #: name
    fsp_code: str
    content: Content | None = None  #: if not sealed yet
    pos: int | None = None  #: item of this batch that makes the row, if not there yet


class PeriodRow(msgspec.Struct):
    """One period to be opened, and what the ledger says about it."""

    id_key: str
    pos: int
    closes: int | None
    is_last: bool
    id_type_id: int
    id_masked: str
    id_last: str
    content: Content
    fa_key: str
    fa_masked: str
    fa_last: str
    account_type_id: int | None
    strategy_id: int | None
    fsp_id: int | None
    fsp_code: str | None
    branch_id: int | None
    branch_code: str | None
    reference: str | None
    consent: str | None
    provider: str | None
    old_masked: str | None
    old_provider: str | None
    previous_hash: str | None  #: head of the period before
    # what is known only when the row is written
    previous_id: int | None = None  #: the period before
    id: int = 0
    event_id: int = 0
    sealed: str = ""
    head: str = ""


class MarkedRow(msgspec.Struct):
    """A locked period that stays, and what the ledger says about it."""

    pos: int
    mapping_id: int
    id_masked: str
    reference: str | None
    consent: str | None
    old_masked: str
    old_provider: str | None
    previous_hash: str | None
    # what is known only when the row is written
    event_id: int = 0
    head: str = ""


class FoundRow(msgspec.Struct):
    """A live mapping with what the directory says about it, if that was asked."""

    id_key: str
    fa_key: str
    state: str
    mapping_id: int
    id_type_id: int
    content: Content | None = None  #: None if not asked, or if it does not open
    masked: str = ""
    account_type_id: int | None = None
    fsp_code: str = ""
    fsp_name: str = ""
    branch_code: str = ""
    branch_name: str = ""
    opened_at: str = ""  #: UTC, as the database writes it
    strategy_id: int | None = None


class WrittenRow(NamedTuple):
    """What a write gave back: the item's place in the batch and its period."""

    pos: int
    mapping_id: int
    opened_at: datetime  #: UTC
