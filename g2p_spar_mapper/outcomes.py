# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The words every mapper speaks: what is asked of it and what it answers.

Pure data, no Odoo: floors 3 and 4 and third-party adapters use the same classes.
A batch of items gives a list of :class:`Outcome` of the same length and order.
"""

from typing import NamedTuple

import msgspec

# Outcome codes: what became of one item.
OK = "ok"  #: done; for resolve: a live mapping was found
ALREADY_LINKED = "already_linked"  #: link of an ID that has a live mapping
NOT_LINKED = "not_linked"  #: no live mapping for this ID (or this address)
INACTIVE = "inactive"  #: a mapping exists and is frozen: nobody may be paid there now
MISMATCH = "mismatch"  #: ID and address are not a pair; never carries the real address
INVALID_ID = "invalid_id"
INVALID_FA = "invalid_fa"
INVALID_NAME = "invalid_name"
INVALID_PHONE = "invalid_phone"
INVALID_TIMESTAMP = "invalid_timestamp"
INVALID_REFERENCE = "invalid_reference"
DUPLICATE_REFERENCE = "duplicate_reference"
NOT_SUPPORTED = "not_supported"  #: this kind of look-up is not offered to the caller
REJECTED = "rejected"  #: refused for another reason; see ``message``
RETRY = "retry"  #: a passing fault; the same item may succeed later

#: outcomes after which trying the same item again can help
TRANSIENT_OUTCOMES = frozenset({RETRY})

# Scopes of a resolve, as in G2P-Connect.
YES_NO = "yes_no"  #: only whether there is a live mapping
DETAILS = "details"  #: the address and the provider, too


class Record(msgspec.Struct, frozen=True):
    """Immutable values, changed as a named tuple is; made and read in a quarter of the
    time, of which a batch of thousands spends much."""

    def _replace(self, **changes):
        return msgspec.structs.replace(self, **changes)

    def _asdict(self):
        return msgspec.structs.asdict(self)


class Limits(NamedTuple):
    """What an actor may touch; ``None`` is no limit. Enforced item by item."""

    id_types: frozenset | None = None  #: ids of the ID types it may name
    providers: frozenset | None = None  #: codes of the providers it may link to
    may_override: bool = False  #: replace a mapping to a provider that is not its own


class Actor(NamedTuple):
    """Who is acting, through which door and for what. Goes into the ledger."""

    channel: str  #: ``api``, ``portal``, ``staff``, ``programme`` or ``import``
    user_id: int = 0  #: ``res.users`` id, 0 when an API client acts
    client_id: int = 0  #: ``g2p.spar.client`` id, 0 when a user acts
    purpose: str = ""  #: plain words, e.g. the programme and the cycle
    transaction: str = ""  #: the caller's transaction or change reference
    strict: bool = True  #: refuse addresses the directory does not know
    limits: Limits = Limits()


class LinkItem(Record, frozen=True):
    """Link ``id`` to ``fa``; also used to update. ``id`` is the ID as written."""

    id: str
    fa: str
    name: str = ""
    phone: str = ""
    additional_info: list | None = None  #: kept and given back unchanged, in order
    reference: str = ""
    current_provider: str = ""  #: code; for an actor that may change those of others
    consent: str = ""  #: reference of the person's consent to that; into the ledger


class UnlinkItem(Record, frozen=True):
    """Close the mapping of ``id``; a given ``fa`` must be the one it has."""

    id: str
    fa: str = ""
    reference: str = ""
    current_provider: str = ""  #: as in :class:`LinkItem`
    consent: str = ""


class ResolveItem(Record, frozen=True):
    """Look up by ``id``, by ``fa``, or ask whether the two are a pair."""

    id: str = ""
    fa: str = ""
    scope: str = DETAILS
    reference: str = ""


class Outcome(Record, frozen=True):
    """What became of one item.

    Only ``code``, ``id``, ``reference`` and ``message`` are set unless a mapping was
    found or written. With scope ``yes_no`` everything about the account stays empty.
    """

    code: str
    id: str = ""  #: as the caller wrote it, byte for byte
    reference: str = ""
    message: str = ""  #: a sentence without personal data
    fa: str = ""  #: the canonical financial address string
    number: str = ""  #: account or phone number or e-mail address, in normal form
    masked: str = ""  #: the account as screens show it; empty for look-ups by API
    account_type: str = ""  #: code of the account type, e.g. ``bank``
    fsp_code: str = ""
    fsp_name: str = ""
    branch_code: str = ""
    branch_name: str = ""
    holder_name: str = ""
    additional_info: list = []
    since: str = ""  #: when this period began, ISO 8601 in UTC; see ``masked``
    mapping_id: int = 0  #: local row, 0 when the mapper is elsewhere
    strategy: int = 0  #: number of the strategy that reads ``fa``, when resolved here
