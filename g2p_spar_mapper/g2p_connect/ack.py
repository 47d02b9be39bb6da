# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What an asynchronous request is answered with at once: the Ack."""

import uuid
from datetime import UTC, datetime
from typing import Literal

from msgspec import UNSET, DecodeError, Struct, UnsetType, json

from .messages import encode

ACK = "ACK"  #: taken; the result will be called back
NACK = "NACK"  #: taken; nothing further will be sent, ask for the status
ERR = "ERR"  #: not taken

BAD_REQUEST = "err.request.bad"
NOT_FOUND = "err.request.not_found"
SENDER_URI = "err.sender_uri.invalid"
#: reason code of a header -> error code; the others are bad requests
_ERRORS = {
    "rjct.version.invalid": "err.version.not_supported",
    "rjct.total_count.limit_exceeded": "err.request.too_many_requests",
}


class AckError(Struct):
    """Why a request was not taken: a code and a sentence without personal data."""

    code: str
    message: str


class Ack(Struct):
    ack_status: Literal["ACK", "NACK", "ERR"]
    timestamp: str
    correlation_id: str
    error: AckError | UnsetType = UNSET


class AckBody(Struct):
    """The answer to an asynchronous request; the result follows by call-back."""

    message: Ack


class ErrorBody(Struct):
    """A request that was not processed; of a faulty signature an Ack says the same."""

    errors: list[AckError]
    message: Ack | UnsetType = UNSET


class _ForeignAck(Struct):
    ack_status: str | None = None


class _ForeignAckBody(Struct):
    message: _ForeignAck | None = None


_foreign_decoder = json.Decoder(_ForeignAckBody)


def build_ack(correlation_id: str, received_at: datetime, is_called_back: bool):
    """:param datetime received_at: naive, in UTC; a copy gets the very same bytes"""
    status = ACK if is_called_back else NACK
    return encode(AckBody(Ack(status, _text(received_at), correlation_id)))


def build_error(code: str, message: str) -> bytes:
    """:param str code: one of the ``err.*`` codes of the protocol"""
    now = datetime.now(UTC).replace(tzinfo=None)
    error = AckError(code, message)
    return encode(AckBody(Ack(ERR, _text(now), str(uuid.uuid4()), error)))


def codes_used() -> set[str]:
    """Every error code that an Ack of ours may have, besides those of HTTP errors."""
    return {BAD_REQUEST, NOT_FOUND, SENDER_URI, *_ERRORS.values()}


def error_code(header_code: str) -> str:
    """The error code of an Ack for a reason code of a header."""
    return _ERRORS.get(header_code, BAD_REQUEST)


def read_ack(body: bytes) -> str:
    """What a receiver says: ACK, NACK or ERR; ``""`` when it says something else."""
    try:
        answer = _foreign_decoder.decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    status = (answer.message and answer.message.ack_status) or ""
    return status if status in (ACK, NACK, ERR) else ""


def _text(moment):
    return moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
