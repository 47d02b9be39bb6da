# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Outcomes to wire codes and back.

Clients know only the codes of each operation's own list and cannot read an answer that
has another one, so a code is left out where none fits. OpenG2P's libraries and the
released specification have different lists; which one a client knows is its dialect.
Reading goes by operation, status *and* code, because one code means different things in
different operations and servers.
"""

import functools
import re

from .. import outcomes as oc
from .messages import LINK, RESOLVE, UNLINK, UPDATE

SUCC = "succ"
RJCT = "rjct"

OPENG2P = "openg2p"
SPEC = "spec"
DIALECTS = (OPENG2P, SPEC)

#: the reason codes of a whole message; a client knows no others
HEADER_CODES = (
    "rjct.version.invalid",
    "rjct.message_id.duplicate",
    "rjct.message_ts.invalid",
    "rjct.action.invalid",
    "rjct.action.not_supported",
    "rjct.total_count.invalid",
    "rjct.total_count.limit_exceeded",
    "rjct.errors.too_many",
)

_COMMON = {
    oc.OK: (SUCC, ""),
    oc.INVALID_ID: (RJCT, "rjct.id.invalid"),
    oc.INVALID_FA: (RJCT, "rjct.fa.invalid"),
    oc.INVALID_TIMESTAMP: (RJCT, "rjct.timestamp.invalid"),
    oc.INVALID_REFERENCE: (RJCT, "rjct.reference_id.invalid"),
    oc.DUPLICATE_REFERENCE: (RJCT, "rjct.reference_id.duplicate"),
}
#: outcome code -> (status, reason code); what is not listed is rejected without a code
_WIRE = {
    LINK: _COMMON
    | {
        oc.ALREADY_LINKED: (RJCT, "rjct.reference_id.duplicate"),
        oc.INVALID_NAME: (RJCT, "rjct.name.invalid"),
        oc.INVALID_PHONE: (RJCT, "rjct.mobile_number.invalid"),
        oc.RETRY: (RJCT, "rjct.unknown.retry"),
        oc.REJECTED: (RJCT, "rjct.other.error"),
        oc.INACTIVE: (RJCT, "rjct.other.error"),
    },
    UPDATE: _COMMON
    | {
        oc.NOT_LINKED: (RJCT, "rjct.id.invalid"),
        oc.INVALID_NAME: (RJCT, "rjct.beneficiary_name.invalid"),
        oc.INVALID_PHONE: (RJCT, "rjct.beneficiary_name.invalid"),
    },
    UNLINK: _COMMON
    | {
        oc.NOT_LINKED: (RJCT, "rjct.id.invalid"),
        oc.MISMATCH: (RJCT, "rjct.fa.invalid"),
    },
    RESOLVE: _COMMON
    | {
        oc.OK: (SUCC, "succ.id.active"),
        oc.INACTIVE: (SUCC, "succ.id.inactive"),
        oc.NOT_LINKED: (SUCC, "succ.id.not_found"),
        oc.MISMATCH: (SUCC, "succ.fa.not_linked_to_id"),
        oc.NOT_SUPPORTED: (RJCT, "rjct.resolve_type.not_supported"),
    },
}
_WIRE_BY_FA = {
    oc.OK: (SUCC, "succ.fa.active"),
    oc.INACTIVE: (SUCC, "succ.fa.inactive"),
    oc.NOT_LINKED: (SUCC, "succ.fa.not_found"),
}
#: The specification's lists for update and unlink have no code about ID or address.
_SPEC = {
    "rjct.id.invalid": "rjct.reference_id.invalid",
    "rjct.fa.invalid": "rjct.reference_id.invalid",
}

# OpenG2P's functional tests look for these words, spelt exactly so.
ID_NULL = "ID is null"
FA_NULL = "FA is null"
NEITHER = "Either ID or FA are required"
LINK_FIRST = "ID doesnt exist please link first"
ALREADY_MAPPED = "ID and FA are already mapped, use update to change the account"
# These openings tell our own client apart what shares one code.
ID_INVALID = "ID is invalid"
FA_INVALID = "FA is invalid"
NOT_A_PAIR = "FA is not linked to this ID"

_MESSAGES = {
    oc.ALREADY_LINKED: ALREADY_MAPPED,
    oc.NOT_LINKED: LINK_FIRST,
    oc.INACTIVE: "The mapping of this ID is suspended",
    oc.MISMATCH: NOT_A_PAIR,
    oc.INVALID_NAME: "name is invalid",
    oc.INVALID_PHONE: "phone_number is invalid",
    oc.INVALID_TIMESTAMP: "timestamp is not an ISO 8601 date and time",
    oc.INVALID_REFERENCE: "reference_id is invalid",
    oc.DUPLICATE_REFERENCE: "reference_id is used more than once in this message",
    oc.NOT_SUPPORTED: "This kind of look-up is not offered to this client",
    oc.REJECTED: "The item was refused",
    oc.RETRY: "A passing fault, try this item again",
}


@functools.lru_cache(maxsize=256)  # few different ones, asked for each item
def to_wire(
    operation: str, code: str, by_fa: bool = False, dialect: str = OPENG2P
) -> tuple[str, str]:
    """Status and reason code for an outcome; the code is ``""`` where none fits.

    :param bool by_fa: a resolve that had an address and no ID
    :param str dialect: one of :data:`DIALECTS`
    """
    if by_fa and code in _WIRE_BY_FA:
        return _WIRE_BY_FA[code]
    status, wire_code = _WIRE[operation].get(code, (RJCT, ""))
    if dialect == SPEC and operation in (UPDATE, UNLINK):
        wire_code = _SPEC.get(wire_code, wire_code)
    return status, wire_code


def wire_codes(operation: str) -> list[str]:
    """Every reason code that results of an operation can have, in any dialect."""
    pairs = [*_WIRE[operation].values()]
    if operation == RESOLVE:
        pairs += _WIRE_BY_FA.values()
    return sorted({code for _status, code in pairs} - {""})


def wire_message(operation: str, outcome: oc.Outcome, item) -> str:
    """The sentence that goes with an outcome, ``""`` when all went well.

    :param item: what was asked; has ``id`` and mostly ``fa``
    """
    code = outcome.code
    if code == oc.OK:
        return ""
    if code == oc.INVALID_ID:
        if not item.id:
            return NEITHER if operation == RESOLVE else ID_NULL
        return _because(ID_INVALID, outcome.message)
    if code == oc.INVALID_FA:
        return _because(FA_INVALID, outcome.message) if item.fa else FA_NULL
    if code == oc.NOT_LINKED and operation == RESOLVE and not item.id:
        return "FA is not linked to any ID"
    if code in (oc.ALREADY_LINKED, oc.NOT_LINKED, oc.MISMATCH):
        return _MESSAGES[code]
    return (outcome.message or _MESSAGES.get(code, ""))[:999]


def _because(opening, reason):
    return f"{opening}: {reason}"[:999] if reason else opening


# --- reading what a mapper answered ---------------------------------------------------

_READ_ANY = {
    "rjct.reference_id.invalid": oc.INVALID_REFERENCE,
    "rjct.timestamp.invalid": oc.INVALID_TIMESTAMP,
    "rjct.id.invalid": oc.INVALID_ID,
    "rjct.fa.invalid": oc.INVALID_FA,
    "rjct.name.invalid": oc.INVALID_NAME,
    "rjct.beneficiary_name.invalid": oc.INVALID_NAME,
    "rjct.mobile_number.invalid": oc.INVALID_PHONE,
    "rjct.unknown.retry": oc.RETRY,
    "rjct.resolve_type.not_supported": oc.NOT_SUPPORTED,
}
#: The OpenG2P mapper says "duplicate reference" for a linked ID on link, and also for
#: an ID that is *not* linked on update. We never repeat a reference in one message.
_READ_DUPLICATE = {LINK: oc.ALREADY_LINKED, UPDATE: oc.NOT_LINKED}
_READ_RESOLVED = {
    "succ.id.active": oc.OK,
    "succ.fa.active": oc.OK,
    "succ.id.inactive": oc.INACTIVE,
    "succ.fa.inactive": oc.INACTIVE,
    "succ.id.not_found": oc.NOT_LINKED,
    "succ.fa.not_found": oc.NOT_LINKED,
}
_CODE_SHAPE = re.compile(r"[a-z]+(\.[a-z_]+){1,4}")
MAX_CODE = 64  #: characters


def from_wire(operation: str, item, answer) -> str:
    """The outcome code for one answered item.

    :param item: what was asked (LinkItem, UnlinkItem or ResolveItem)
    :param answer: ForeignItem with status, reason code, message and perhaps ``fa``
    """
    status = answer.status or ""
    code = answer.status_reason_code or ""
    if status == SUCC:
        return _read_resolved(item, answer, code) if operation == RESOLVE else oc.OK
    if status != RJCT:  # received or pending: not finished
        return oc.RETRY
    return _read_rejected(operation, code, answer.status_reason_message or "")


def _read_rejected(operation, code, message):
    if code == "rjct.reference_id.duplicate":
        return _READ_DUPLICATE.get(operation, oc.DUPLICATE_REFERENCE)
    if operation in (UPDATE, UNLINK):
        # No code of these two lists says "not linked": servers borrow others.
        if code == "rjct.id.invalid":
            ours = message.startswith((ID_INVALID, ID_NULL))
            return oc.INVALID_ID if ours else oc.NOT_LINKED
        if code == "rjct.reference_id.invalid":
            return _read_spec(message)
        if code == "rjct.fa.invalid" and operation == UNLINK:
            ours = message.startswith((FA_INVALID, FA_NULL))
            return oc.INVALID_FA if ours else oc.MISMATCH
    return _READ_ANY.get(code, oc.REJECTED)


def _read_spec(message):
    """What the one code means that the ``spec`` dialect has for all these."""
    if LINK_FIRST in message:
        return oc.NOT_LINKED
    if message.startswith((ID_INVALID, ID_NULL)):
        return oc.INVALID_ID
    if message.startswith((FA_INVALID, FA_NULL)):
        return oc.INVALID_FA
    return oc.MISMATCH if message == NOT_A_PAIR else oc.INVALID_REFERENCE


def _read_resolved(item, answer, code):
    if code == "succ.fa.not_linked_to_id":
        # The OpenG2P mapper uses it for every unknown ID.
        return oc.MISMATCH if item.id and item.fa else oc.NOT_LINKED
    if code in _READ_RESOLVED:
        return _READ_RESOLVED[code]
    # The OpenG2P mapper loses its code on success, and answers with the real address
    # when asked about a wrong one.
    if item.scope == oc.DETAILS and not answer.fa:
        return oc.NOT_LINKED
    if item.fa and answer.fa and item.fa != answer.fa:
        return oc.MISMATCH
    return oc.OK


def foreign_code(wire_code: str | None) -> str:
    """A reason code fit for logs and screens; empty for what is none.

    Any text may stand in a foreign answer, somebody's ID among them.
    """
    if wire_code and len(wire_code) <= MAX_CODE and _CODE_SHAPE.fullmatch(wire_code):
        return wire_code
    return ""


def foreign_message(outcome_code: str, wire_code: str | None) -> str:
    """A sentence of our own about a foreign refusal: its text may name persons."""
    text = _MESSAGES.get(outcome_code, "")
    if text and (code := foreign_code(wire_code)):
        return f"{text} ({code})"
    return text
