# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What may be stored beside an ID and an address (pure functions)."""

import re

import msgspec

from odoo.addons.g2p_spar_bank_directory.grammar import CONTROL

from .g2p_connect.nesting import is_too_deep

MAX_TEXT = 255
MAX_PHONE = 32
MAX_ADDITIONAL_INFO = 16_384  #: bytes of JSON per item

_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]{2,}(;ext=[0-9]{1,7})?")
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def is_clean_text(value):
    """Whether ``value`` is text of at most 255 characters without control characters.

    An empty value is clean.
    """
    return not value or (
        isinstance(value, str)
        and len(value) <= MAX_TEXT
        and (value.isprintable() or not CONTROL.search(value))  # the first is quicker
    )


def is_phone(value):
    """Whether ``value`` is empty or looks like a phone number.

    Lenient on purpose (callers send national and international forms): digits with the
    usual punctuation, an optional ``tel:`` scheme and extension (RFC 3966), at most 32
    characters.
    """
    return not value or (
        isinstance(value, str)
        and len(value) <= MAX_PHONE
        and bool(_PHONE.fullmatch(value.removeprefix("tel:")))
    )


def clean_text(value):
    """``value`` made fit for the ledger: unwanted characters become spaces, and what
    goes beyond 255 characters is cut."""
    return CONTROL.sub(" ", value or "")[:MAX_TEXT]


def write_additional_info(value):
    """``value`` as it is kept.

    :param value: nothing, or a list of what JSON knows
    :return: JSON, empty for nothing; None for what can not be kept and given back: no
        list, more than 16 KB of JSON, NUL, too deep, values JSON does not know
    :rtype: str | None
    """
    if not value:
        return ""
    if not isinstance(value, list):
        return None
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    if (
        len(encoded) > MAX_ADDITIONAL_INFO
        or (b"u0000" in encoded and _ESCAPED_NUL.search(encoded))
        or is_too_deep(encoded)
    ):
        return None
    return encoded.decode()
