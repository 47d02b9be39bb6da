# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Shapes of the G2P-Connect mapper messages, version 1.0.0.

What comes in is read generously, as real clients write it: every optional text may be
``null`` or absent, unknown members are skipped, times are text. What goes out is
strict: no ``null``, and a member that has nothing to say is left out.
"""

from typing import Any

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, json

LINK = "link"
UPDATE = "update"
UNLINK = "unlink"
RESOLVE = "resolve"
OPERATIONS = (LINK, UPDATE, UNLINK, RESOLVE)

VERSION = "1.0.0"

Text = str | None


class MessageError(ValueError):
    """A message that cannot be read, or is not acceptable as a whole.

    :param str code: one of the ``err.*`` codes of the protocol
    :param str message: names the faulty member, never its value
    """

    def __init__(self, message, code="err.request.bad"):
        super().__init__(message)
        self.message = message
        self.code = code


# --- requests -------------------------------------------------------------------------


class RequestHeader(Struct):
    message_id: str
    action: str
    message_ts: Text = None
    version: Text = None
    sender_id: Text = None
    sender_uri: Text = None
    receiver_id: Text = None
    total_count: int | None = None
    is_msg_encrypted: bool | None = None
    is_encrypted: bool | None = None  # the name OpenG2P's libraries also send

    @property
    def encrypted(self) -> bool:
        return bool(self.is_msg_encrypted or self.is_encrypted)


class Request(Struct):
    """The outer part; ``message`` is read only once the sender is known."""

    header: RequestHeader
    message: Raw


class LinkRequestItem(Struct):
    """One person and account; ``update`` has the same members."""

    reference_id: Text = None
    timestamp: Text = None
    id: Text = None
    fa: Text = None
    name: Text = None
    phone_number: Text = None
    additional_info: list[dict[str, Any]] | None = None


class UnlinkRequestItem(Struct):
    reference_id: Text = None
    timestamp: Text = None
    id: Text = None
    fa: Text = None


class ResolveRequestItem(Struct):
    reference_id: Text = None
    timestamp: Text = None
    id: Text = None
    fa: Text = None
    scope: Text = None


class LinkRequest(Struct):
    transaction_id: str
    link_request: list[LinkRequestItem]


class UpdateRequest(Struct):
    transaction_id: str
    update_request: list[LinkRequestItem]


class UnlinkRequest(Struct):
    transaction_id: str
    unlink_request: list[UnlinkRequestItem]


class ResolveRequest(Struct):
    transaction_id: str
    resolve_request: list[ResolveRequestItem]


# --- answers we give ------------------------------------------------------------------


class AnswerHeader(Struct):
    message_id: str
    message_ts: str
    action: str
    status: str
    total_count: int
    completed_count: int
    sender_id: str
    receiver_id: str
    status_reason_code: str | UnsetType = UNSET
    status_reason_message: str | UnsetType = UNSET
    version: str = VERSION
    is_msg_encrypted: bool = False
    meta: dict[str, Any] = {}  # clients refuse an answer without it


class ProviderInfo(Struct):
    name: str
    code: str
    subcode: str


class AnswerItem(Struct):
    """The result of one item; which members appear depends on operation and outcome."""

    reference_id: str
    timestamp: str
    status: str
    id: str | UnsetType = UNSET
    fa: str | UnsetType = UNSET
    account_provider_info: ProviderInfo | UnsetType = UNSET
    additional_info: list[dict[str, Any]] | UnsetType = UNSET
    status_reason_code: str | UnsetType = UNSET
    status_reason_message: str | UnsetType = UNSET


class LinkAnswer(Struct):
    transaction_id: str
    correlation_id: str
    link_response: list[AnswerItem]


class UpdateAnswer(Struct):
    transaction_id: str
    correlation_id: str
    update_response: list[AnswerItem]


class UnlinkAnswer(Struct):
    transaction_id: str
    correlation_id: str
    unlink_response: list[AnswerItem]


class ResolveAnswer(Struct):
    transaction_id: str
    correlation_id: str
    resolve_response: list[AnswerItem]


class Answer(Struct):
    header: AnswerHeader
    message: LinkAnswer | UpdateAnswer | UnlinkAnswer | ResolveAnswer
    signature: str = ""


# --- answers we read from a foreign mapper --------------------------------------------


class ForeignHeader(Struct):
    status: Text = None
    status_reason_code: Text = None


class ForeignAnswer(Struct):
    header: ForeignHeader
    message: Raw = Raw(b"null")


class ForeignProvider(Struct):
    name: Text = None
    code: Text = None
    subcode: Text = None


class ForeignItem(Struct):
    reference_id: Text = None
    status: Text = None
    id: Text = None
    fa: Text = None
    account_provider_info: ForeignProvider | None = None
    additional_info: list[dict[str, Any]] | None = None
    status_reason_code: Text = None
    status_reason_message: Text = None


class ForeignLink(Struct):
    link_response: list[ForeignItem] | None = None


class ForeignUpdate(Struct):
    update_response: list[ForeignItem] | None = None


class ForeignUnlink(Struct):
    unlink_response: list[ForeignItem] | None = None


class ForeignResolve(Struct):
    resolve_response: list[ForeignItem] | None = None


# --- reading and writing --------------------------------------------------------------

_REQUESTS = {
    LINK: LinkRequest,
    UPDATE: UpdateRequest,
    UNLINK: UnlinkRequest,
    RESOLVE: ResolveRequest,
}
_FOREIGN = {
    LINK: ForeignLink,
    UPDATE: ForeignUpdate,
    UNLINK: ForeignUnlink,
    RESOLVE: ForeignResolve,
}
ANSWERS = {
    LINK: LinkAnswer,
    UPDATE: UpdateAnswer,
    UNLINK: UnlinkAnswer,
    RESOLVE: ResolveAnswer,
}

_request_decoder = json.Decoder(Request)
_request_decoders = {verb: json.Decoder(cls) for verb, cls in _REQUESTS.items()}
_foreign_decoder = json.Decoder(ForeignAnswer)
_foreign_decoders = {verb: json.Decoder(cls | None) for verb, cls in _FOREIGN.items()}

#: any structure or dictionary to compact JSON bytes
encode = json.Encoder().encode


def _decode(decoder, body, root=""):
    """Decode or say which member is at fault; the parser's texts hold no values."""
    try:
        return decoder.decode(body)
    except RecursionError:
        raise MessageError(f"{root or 'body'}: nested too deeply") from None
    except (DecodeError, UnicodeDecodeError) as err:
        fault, _, path = str(err).partition(" - at `$")
        field = (root + path.rstrip("`")).lstrip(".") or "body"
        if isinstance(err, UnicodeDecodeError):
            fault = "not UTF-8"
        raise MessageError(f"{field}: {fault}") from None


def decode_request(body: bytes) -> Request:
    """Read the outer part of a request.

    :raise MessageError: not JSON, or the header is faulty
    """
    return _decode(_request_decoder, body)


def decode_request_message(operation: str, message: Raw):
    """Read the inner part of a request.

    :return: transaction id and the list of request items
    :raise MessageError: a member is missing or has the wrong type
    """
    content = _decode(_request_decoders[operation], message, "message")
    return content.transaction_id, getattr(content, f"{operation}_request")


def decode_foreign_answer(operation: str, body: bytes):
    """Read what a foreign mapper answered.

    :return: its header, and its result items or None when it sent no list of them
    :raise MessageError: the body is no answer to this operation
    """
    answer = _decode(_foreign_decoder, body)
    content = _decode(_foreign_decoders[operation], answer.message, "message")
    return answer.header, content and getattr(content, f"{operation}_response")
