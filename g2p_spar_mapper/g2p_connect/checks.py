# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rules about headers and items that need neither a database nor the directory.

A header fault refuses the whole message, an item fault one item. The profile of a
client decides how much is forgiven: ``compat`` takes what real clients send, ``strict``
what the specification asks for.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .. import outcomes as oc
from .codes import OPENG2P, SPEC
from .messages import LINK, OPERATIONS, RESOLVE, MessageError
from .paths import ON_STATUS_ACTION, STATUS_ACTION

MAX_TRANSACTION_ID = 99  # characters, from the specification
MAX_MESSAGE_ID = 255  # characters; the specification sets no limit
MAX_REFERENCE_ID = 255  # characters; the specification sets no limit
_VERSION = re.compile(r"1\.\d+(\.\d+)?|0\.1\.0")
#: characters that ids may not have, as in a class of a regular expression
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROL = re.compile(f"[{CONTROL}]")
#: action of a request -> that of its answer, which some programs send in requests
_ANSWERS = {name: f"on-{name}" for name in OPERATIONS} | {
    STATUS_ACTION: ON_STATUS_ACTION
}
_ACTIONS = {*_ANSWERS, *_ANSWERS.values()}
_SCOPES = (oc.YES_NO, oc.DETAILS)


class HeaderFault(NamedTuple):
    """Why a whole message is refused; ``code`` is one of the header's reason codes."""

    code: str
    message: str


class Rights(NamedTuple):
    """What a client may do, as far as single items are concerned."""

    strict: bool
    details: bool
    resolve_by_fa: bool


class Window(NamedTuple):
    """Which message times are accepted, seen from now."""

    back: timedelta
    ahead: timedelta


def check_message_id(message_id: str) -> None:
    """:raise MessageError: too long, or with control characters"""
    if len(message_id) > MAX_MESSAGE_ID:
        raise MessageError(
            f"header.message_id: longer than {MAX_MESSAGE_ID} characters"
        )
    if _CONTROL.search(message_id):
        raise MessageError("header.message_id: has control characters")


def check_transaction_id(transaction_id: str) -> None:
    """:raise MessageError: empty, too long, or with control characters"""
    if not transaction_id:
        raise MessageError("message.transaction_id: is empty")
    if len(transaction_id) > MAX_TRANSACTION_ID:
        raise MessageError(
            f"message.transaction_id: longer than {MAX_TRANSACTION_ID} characters"
        )
    if _CONTROL.search(transaction_id):
        raise MessageError("message.transaction_id: has control characters")


def header_fault(
    operation: str,
    header,
    count: int,
    strict: bool,
    limit: int,
    dialect: str = OPENG2P,
    is_async: bool = False,
) -> HeaderFault | None:
    """The first reason to refuse a message of ``count`` items, or None.

    :param int limit: how many items this client may send in one message
    :param str dialect: ``openg2p`` or ``spec``
    :param bool is_async: whether the message came in by an asynchronous address
    """
    if header.version and not _VERSION.fullmatch(header.version):
        return HeaderFault("rjct.version.invalid", "Only version 1.x is supported")
    if strict and (fault := _timestamp_fault(header.message_ts)):
        return fault
    literally = dialect == SPEC and not is_async and header.action == LINK
    if not literally:  # what the specification prints for every synchronous address
        if fault := _action_fault(operation, header.action, strict):
            return fault
    if not count:
        return HeaderFault("rjct.total_count.invalid", "The message has no items")
    if count > limit:
        return HeaderFault(
            "rjct.total_count.limit_exceeded", f"At most {limit} items in one message"
        )
    if strict and header.total_count != count:
        return HeaderFault(
            "rjct.total_count.invalid", "total_count is not the number of items"
        )
    return None


def _action_fault(operation, action, strict):
    if action == operation or (not strict and action == _ANSWERS.get(operation)):
        return None
    if action in _ACTIONS:
        return HeaderFault(
            "rjct.action.not_supported", f"This address serves only {operation}"
        )
    return HeaderFault("rjct.action.invalid", "The action is not known")


def item_faults(operation: str, items: list, rights: Rights) -> dict[int, oc.Outcome]:
    """Outcomes of the items that go no further, by position."""
    faults = {}
    repeated = _repeated_references(items) if rights.strict else frozenset()
    for position, item in enumerate(items):
        reference = item.reference_id or ""
        if len(reference) > MAX_REFERENCE_ID or (
            not reference.isprintable()
            and _CONTROL.search(reference)  # the quick first
        ):
            code, message = oc.INVALID_REFERENCE, ""
        elif rights.strict and not reference:
            code, message = oc.INVALID_REFERENCE, "reference_id is empty"
        elif reference in repeated:
            code, message = oc.DUPLICATE_REFERENCE, ""
        elif rights.strict and not is_timestamp(item.timestamp):
            code, message = oc.INVALID_TIMESTAMP, ""
        elif operation == RESOLVE:
            code, message = _look_up_fault(item, rights)
        else:
            continue
        if code:
            faults[position] = oc.Outcome(code, item.id or "", reference, message)
    return faults


def _repeated_references(items):
    seen, repeated = set(), set()
    for item in items:
        (repeated if item.reference_id in seen else seen).add(item.reference_id)
    return repeated


def _look_up_fault(item, rights):
    scope = item.scope or oc.YES_NO
    if scope not in _SCOPES:
        return oc.NOT_SUPPORTED, "scope is neither yes_no nor details"
    if scope == oc.DETAILS and not rights.details:
        return oc.NOT_SUPPORTED, "This client may not see details"
    if item.fa and not item.id and not rights.resolve_by_fa:
        return oc.NOT_SUPPORTED, "This client may not look up by financial address"
    return "", ""


def is_timestamp(text: str | None) -> bool:
    """Whether a text is an ISO 8601 date and time; a space for the T will do."""
    try:
        datetime.fromisoformat(text or "")
    except ValueError:
        return False
    return len(text) > len("2024-01-01")


def _timestamp_fault(message_ts):
    if is_timestamp(message_ts):
        return None
    return HeaderFault(
        "rjct.message_ts.invalid", "message_ts is not an ISO 8601 date and time"
    )


def age_fault(message_ts: str, now: datetime, window: Window) -> HeaderFault | None:
    """Refuse an old message, whose id may have been forgotten, and one from the future.

    :param str message_ts: ISO 8601; without a zone it is UTC
    """
    if fault := _timestamp_fault(message_ts):
        return fault
    moment = datetime.fromisoformat(message_ts)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if now - window.back <= moment <= now + window.ahead:
        return None
    return HeaderFault("rjct.message_ts.invalid", "message_ts is too far from our time")
