# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Shapes of the G2P-Connect mapper messages, version 1.0.0.

What comes in is read generously, as real clients write it: every optional text may be
``null`` or absent, unknown members are skipped, times are text. What goes out is
strict: no ``null``, and a member that has nothing to say is left out.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, json

LINK = "link"
UPDATE = "update"
UNLINK = "unlink"
RESOLVE = "resolve"
OPERATIONS = (LINK, UPDATE, UNLINK, RESOLVE)

VERSION = "1.0.0"

Text = str | None
Status = Literal["rcvd", "pdng", "succ", "rjct"]
Info = list[dict[str, Any]]


def told(kind, text, *examples):
    """A member with a description for who reads the API's documentation."""
    return Annotated[kind, Meta(description=text, examples=[*examples] or None)]


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
    """Who sends what. Strict clients also send version, time and the right count."""

    message_id: told(str, "A new one for each message of the sender.", "m-2024-17")
    action: told(str, "What the address is for.", "link")
    message_ts: told(Text, "ISO 8601 with zone.", "2026-01-31T10:00:00+00:00") = None
    version: told(Text, "1.x; 1.0.0 by default.", "1.0.0") = None
    sender_id: told(Text, "Under which the client is registered.", "my-client") = None
    sender_uri: told(Text, "Where the result of an asynchronous call goes.") = None
    receiver_id: Text = None
    total_count: told(int | None, "Number of items.", 1) = None
    is_msg_encrypted: told(bool | None, "Not supported.") = None
    is_encrypted: bool | None = None  # the name OpenG2P's libraries also send

    @property
    def encrypted(self) -> bool:
        return bool(self.is_msg_encrypted or self.is_encrypted)


class Request(Struct):
    """The outer part; ``message`` is read only once the sender is known."""

    header: RequestHeader
    message: Raw
    signature: Any = None  # text of any kind, often a placeholder


ReferenceId = told(Text, "Names the item; its result has the same.", "1")
Timestamp = told(Text, "ISO 8601 with zone.", "2026-01-31T10:00:00+00:00")
Id = told(Text, "The ID as its type writes it.", "token:1234@nationalId")
Fa = told(
    Text,
    "The financial address.",
    "mobile_number:+254712345678.wallet_provider_name:M-PESA (Safaricom)"
    ".wallet_provider_code:MPESA-KE.fa_type:mobile_wallet_provider",
)


class LinkRequestItem(Struct):
    """One person and account; ``update`` has the same members."""

    reference_id: ReferenceId = None
    timestamp: Timestamp = None
    id: Id = None
    fa: Fa = None
    name: told(Text, "Name of the account's holder.") = None
    phone_number: told(Text, "Phone number of the holder.") = None
    additional_info: told(
        Info | None,
        "Kept with the account and given back in order. Entries named current_provider "
        "and consent_reference are not kept: they allow a provider to replace the "
        "account that a person has at another one.",
    ) = None


class UnlinkRequestItem(Struct):
    """An ID whose account is taken away; an address only if it is the one linked."""

    reference_id: ReferenceId = None
    timestamp: Timestamp = None
    id: Id = None
    fa: Fa = None
    additional_info: told(Info | None, "Only what allows the change.") = None


class ResolveRequestItem(Struct):
    """What is looked up: an ID, an address, or whether the two are a pair."""

    reference_id: ReferenceId = None
    timestamp: Timestamp = None
    id: Id = None
    fa: Fa = None
    scope: told(Text, "yes_no, the default, or details.", "details") = None


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
    message_id: told(str, "That of the request.")
    message_ts: str
    action: told(str, "on- and the action of the request.")
    status: told(Status, "Of the message as a whole, whatever became of its items.")
    total_count: int
    completed_count: told(int, "Items that came to an end, failures included.")
    sender_id: str
    receiver_id: str
    status_reason_code: str | UnsetType = UNSET
    status_reason_message: str | UnsetType = UNSET
    version: str = VERSION
    is_msg_encrypted: bool = False
    meta: dict[str, Any] = {}  # clients refuse an answer without it


class ProviderInfo(Struct):
    """The provider of the account as the directory knows it."""

    name: str
    code: str
    subcode: told(str, "Code of the branch, or empty.")


class UnlinkResult(Struct):
    """What became of one item."""

    reference_id: str
    timestamp: str
    status: Status
    id: told(str, "As it was sent.")
    status_reason_code: str | UnsetType = UNSET
    status_reason_message: str | UnsetType = UNSET


class LinkResult(UnlinkResult):
    """What became of one item."""

    fa: told(str, "The address; empty unless it is linked now.") = ""
    additional_info: Info | UnsetType = UNSET


class UpdateResult(LinkResult):
    """What became of one item."""


class ResolveResult(LinkResult):
    """What was found; with scope yes_no, nothing about the account."""

    account_provider_info: ProviderInfo | UnsetType = UNSET


class LinkAnswer(Struct):
    transaction_id: str
    correlation_id: str
    link_response: list[LinkResult]


class UpdateAnswer(Struct):
    transaction_id: str
    correlation_id: str
    update_response: list[UpdateResult]


class UnlinkAnswer(Struct):
    transaction_id: str
    correlation_id: str
    unlink_response: list[UnlinkResult]


class ResolveAnswer(Struct):
    transaction_id: str
    correlation_id: str
    resolve_response: list[ResolveResult]


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
    additional_info: Info | None = None
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

REQUEST_ITEMS = {
    LINK: LinkRequestItem,
    UPDATE: LinkRequestItem,
    UNLINK: UnlinkRequestItem,
    RESOLVE: ResolveRequestItem,
}
REQUESTS = {
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
RESULTS = {
    LINK: LinkResult,
    UPDATE: UpdateResult,
    UNLINK: UnlinkResult,
    RESOLVE: ResolveResult,
}
ANSWERS = {
    LINK: LinkAnswer,
    UPDATE: UpdateAnswer,
    UNLINK: UnlinkAnswer,
    RESOLVE: ResolveAnswer,
}

_request_decoder = json.Decoder(Request)
_request_decoders = {verb: json.Decoder(cls) for verb, cls in REQUESTS.items()}
_foreign_decoder = json.Decoder(ForeignAnswer)
_foreign_decoders = {verb: json.Decoder(cls | None) for verb, cls in _FOREIGN.items()}

#: any structure or dictionary to compact JSON bytes
encode = json.Encoder().encode


def decode(decoder, body, root=""):
    """Decode or say which member is at fault; the parser's texts hold no values.

    :param decoder: of msgspec
    :param str root: where in the message the body stands
    :raise MessageError: names the member
    """
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
    try:
        body.decode()  # the parser does not look into what it skips
    except UnicodeDecodeError:
        raise MessageError("body: not UTF-8") from None
    return decode(_request_decoder, body)


def decode_request_message(operation: str, message: Raw):
    """Read the inner part of a request.

    :return: transaction id and the list of request items
    :raise MessageError: a member is missing or has the wrong type
    """
    content = decode(_request_decoders[operation], message, "message")
    return content.transaction_id, getattr(content, f"{operation}_request")


def decode_foreign_answer(operation: str, body: bytes):
    """Read what a foreign mapper answered.

    :return: its header, and its result items or None when it sent no list of them
    :raise MessageError: the body is no answer to this operation
    """
    answer = decode(_foreign_decoder, body)
    content = decode(_foreign_decoders[operation], answer.message, "message")
    return answer.header, content and getattr(content, f"{operation}_response")
