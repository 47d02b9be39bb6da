# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Asking what became of an earlier message: txn/status."""

from datetime import UTC, datetime

from msgspec import Raw, Struct, json

from . import codes
from .checks import MAX_TRANSACTION_ID, HeaderFault
from .messages import (
    ANSWERS,
    OPERATIONS,
    RESULTS,
    AnswerHeader,
    MessageError,
    Text,
    encode,
    told,
)
from .messages import decode as read
from .paths import ON_STATUS_ACTION, STATUS

TRANSACTION_ID = "transaction_id"
REFERENCE_IDS = "reference_id_list"
CORRELATION_ID = "correlation_id"
ATTRIBUTES = (TRANSACTION_ID, REFERENCE_IDS, CORRELATION_ID)
#: the specification asks about one transaction at a time; OpenG2P's libraries send a
#: list, mostly of one
MAX_QUERIES = 100

UNKNOWN = "No such transaction of this client is known"
TOO_MUCH = "message.txnstatus_request: too many results, ask about less at a time"
CUT_OFF = "Only the latest messages of this transaction were looked at"
NOT_KEPT = "The results of this transaction are not kept any more"


class StatusQuery(Struct):
    """One transaction that is asked about."""

    reference_id: told(Text, "Names the question.", "1") = None
    txn_type: told(Text, "What the earlier message was.", "link") = None
    attribute_type: told(Text, "What it is known by.", TRANSACTION_ID) = None
    attribute_value: told(
        str | list[str] | None, "One id, or reference ids.", "t-2026-01"
    ) = None

    @property
    def values(self) -> list[str]:
        value = self.attribute_value
        return value if isinstance(value, list) else [value or ""]


class StatusRequest(Struct):
    transaction_id: str
    txnstatus_request: StatusQuery | list[StatusQuery]


class StatusResult(Struct):
    """What became of a transaction: type and message of its answer."""

    txn_type: str
    txn_status: Raw


class StatusAnswerMessage(Struct):
    transaction_id: str
    correlation_id: str
    txnstatus_response: StatusResult | list[StatusResult]


class StatusAnswer(Struct):
    header: AnswerHeader
    message: StatusAnswerMessage
    signature: str = ""


class Found(Struct):
    """What is known of the message or messages that a query is about."""

    operation: str
    transaction_id: str
    correlation_id: str
    results: list[Raw]
    completed: int = 0  #: results that reached an end
    text: str = ""  #: a sentence, when there is something to say
    told: list = []  #: IDs, taken apart, of which an account is among the results


class _Kept(Struct):
    message: dict[str, Raw]


class Named(Struct):
    """Of a result: what it is about."""

    reference_id: Text = None
    id: Text = None
    fa: Text = None


_request_decoder = json.Decoder(StatusRequest)
_kept_decoder = json.Decoder(_Kept)
_list_decoder = json.Decoder(list[Raw])
_members_decoder = json.Decoder(dict[str, Raw])
_told_decoder = json.Decoder(StatusResult | list[StatusResult])
#: takes a result apart, as far as that
read_named = json.Decoder(Named).decode


def decode(message: Raw):
    """Read the inner part of a request.

    :return: transaction id, the queries, and whether they came as a list
    :raise MessageError: a member is missing, or of the wrong type or kind
    """
    content = read(_request_decoder, message, "message")
    queries = content.txnstatus_request
    as_list = isinstance(queries, list)
    if not as_list:
        queries = [queries]
    if len(queries) > MAX_QUERIES:
        raise MessageError(f"message.txnstatus_request: more than {MAX_QUERIES}")
    for query in queries:
        if query.attribute_type not in ATTRIBUTES:
            raise MessageError("message.txnstatus_request.attribute_type: not known")
        if query.txn_type and query.txn_type not in OPERATIONS:
            raise MessageError("message.txnstatus_request.txn_type: not known")
    return content.transaction_id, queries, as_list


def kept_results(operation: str, answer: bytes) -> list[Raw]:
    """The results in an answer of ours, each as it went out."""
    kept = _kept_decoder.decode(answer)
    return _list_decoder.decode(kept.message[f"{operation}_response"])


def change_results(operation: str, answer: bytes, change) -> bytes:
    """An answer of ours with other results.

    :param str operation: what it answers; a status tells results of other messages
    :param change: function that is given an operation and a list of its results, and
        returns another list
    """
    members = _members_decoder.decode(answer)
    message = members["message"]
    if operation != STATUS:
        message = _change_results(operation, message, change)
    else:
        content = _members_decoder.decode(message)
        told = _told_decoder.decode(content["txnstatus_response"])
        for one in told if isinstance(told, list) else [told]:
            of = one.txn_type.removeprefix("on-")
            one.txn_status = _change_results(of, one.txn_status, change)
        message = content | {"txnstatus_response": told}
    return encode(members | {"message": message})


def _change_results(operation: str, message: Raw, change) -> Raw:
    members = _members_decoder.decode(message)
    name = f"{operation}_response"
    results = change(operation, _list_decoder.decode(members[name]))
    return Raw(encode(members | {name: results}))


def without_account(result: Raw) -> Raw:
    """A result that tells an account, but for that account."""
    members = _members_decoder.decode(result) | {"fa": Raw(b'""')}
    for name in ("additional_info", "account_provider_info"):
        members.pop(name, None)
    return Raw(encode(members))


def open_results(operation: str, items: list, status: str) -> list[Raw]:
    """Results of items that are not finished.

    :param str status: ``rcvd`` or ``pdng``
    """
    now = _now()
    return [
        Raw(
            encode(
                RESULTS[operation](item.reference_id or "", now, status, item.id or "")
            )
        )
        for item in items
    ]


def build_answer(
    header,
    transaction_id: str,
    correlation_id: str,
    queries: list[StatusQuery],
    found: list[Found | None],
    as_list: bool,
    fault: HeaderFault | None = None,
) -> bytes:
    """The answer to a request.

    :param header: of the request
    :param str correlation_id: of an asynchronous request; by default that of the
        transaction that is asked about
    :param list found: for each query what is known, None when nothing is
    :param bool as_list: answer in the form of OpenG2P's libraries
    :param HeaderFault fault: why the request is refused, if it is
    """
    results = [
        _result(query, one, as_list) for query, one in zip(queries, found, strict=True)
    ]
    known = [one for one in found if one]
    total = sum(len(one.results) for one in known)
    answer_header = AnswerHeader(
        message_id=header.message_id,
        message_ts=_now(),
        action=ON_STATUS_ACTION,
        status=codes.SUCC if known else codes.RJCT,
        total_count=total,
        completed_count=sum(one.completed for one in known),
        sender_id=header.receiver_id or "",
        receiver_id=header.sender_id or "",
    )
    if fault:
        answer_header.status_reason_code = fault.code
        answer_header.status_reason_message = fault.message
    # no reason code of a header says "unknown"
    elif text := next((one.text for one in known), UNKNOWN):
        answer_header.status_reason_message = text
    correlation_id = correlation_id or next((one.correlation_id for one in known), "")
    return encode(
        StatusAnswer(
            answer_header,
            StatusAnswerMessage(
                transaction_id, correlation_id, results if as_list else results[0]
            ),
        )
    )


def _result(query, found, as_list):
    if not found:
        is_named = query.attribute_type == TRANSACTION_ID
        transaction_id = next(iter(query.values), "") if is_named else ""
        if len(transaction_id) > MAX_TRANSACTION_ID:
            transaction_id = ""  # no answer may hold such a one
        found = Found(query.txn_type or OPERATIONS[0], transaction_id, "", [])
    # the libraries know the type as it is asked for, the specification as answered
    kind = found.operation if as_list else f"on-{found.operation}"
    content = ANSWERS[found.operation](
        found.transaction_id, found.correlation_id, found.results
    )
    return StatusResult(kind, Raw(encode(content)))


def _now():
    return datetime.now(UTC).isoformat(timespec="milliseconds")
