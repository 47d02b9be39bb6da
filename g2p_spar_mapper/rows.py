# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rows on their way between the mapper's service and the SQL of the registry."""

from datetime import datetime

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
    """One period to be opened, and what the ledger will say about it."""

    id_key: str
    pos: int
    parsed: object  #: ``ParsedId``
    id_masked: str
    address: object  #: ``Address``
    fa_key: str
    provider: str | None  #: name
    content: Content
    columns: tuple  #: values of ``content.COLUMNS``
    item: object  #: ``LinkItem``
    live: LiveRow | None  #: the period it replaces
    is_last: bool = True  #: of those that this batch opens for the ID
    # what is known only when the row is written
    id: int = 0
    event_id: int = 0
    head: str = ""


class MarkedRow(Record, frozen=True):
    """A locked period that stays, and who asked for what is done with it."""

    pos: int  #: of the item in its batch
    live: LiveRow
    reference: str | None
    consent: str | None


class FoundRow(msgspec.Struct):
    """A live mapping with what the directory says about it, if that was asked."""

    mapping_id: int
    id_key: str
    fa_key: str
    sealed: str | None  #: content as it is kept, if that was asked
    state: str
    id_type_id: int
    account_type_id: int | None = None
    strategy_id: int | None = None
    fsp_code: str = ""
    fsp_name: str = ""
    branch_code: str = ""
    branch_name: str = ""
    # for people's eyes
    masked: str = ""
    opened_at: str = ""  #: UTC, as the database writes it
    content: Content | None = None  #: None if it does not open


class WrittenRow(Record, frozen=True):
    """What a write gave back: the item's place in the batch and its period."""

    pos: int
    mapping_id: int
    opened_at: datetime  #: UTC
