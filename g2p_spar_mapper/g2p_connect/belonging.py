# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whether what a foreign mapper says belongs to what it was asked.

The account of another person is worse than none, and caches and mixed-up queues exist.
"""

import re

from msgspec import Struct, json

from .messages import MessageError, Text, decode


class _Transaction(Struct):
    transaction_id: Text = None


class _Answer(Struct):
    message: _Transaction | None = None


_decoder = json.Decoder(_Answer)
#: type, value and provider of an ID, as the specification writes them
_ID_PARTS = re.compile(r"([^:@]*:)?(.*?)(@[^:@]*)?", re.DOTALL)


def check_transaction(body: bytes, transaction_id: str):
    """Refuse an answer that names another transaction; it may name none.

    :param body: the whole answer
    :param transaction_id: of the request
    :raise MessageError: it answers another request
    """
    message = decode(_decoder, body).message
    said = message and message.transaction_id
    if said and said != transaction_id:
        raise MessageError("message.transaction_id: is of another request")


def is_same_id(asked: str, answered: str) -> bool:
    """Whether these are one ID: capitals count in its value only.

    The specification takes IDs for the same whatever their capitals, so a server may
    change them.
    """
    return asked == answered or _fold(asked) == _fold(answered)


def _fold(wire_id):
    id_type, value, provider = _ID_PARTS.fullmatch(wire_id).groups("")
    return id_type.lower(), value, provider.lower()
