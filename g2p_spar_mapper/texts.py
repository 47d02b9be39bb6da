# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What callers of the mapper are told of an item that was not done. No text quotes it,
so that none carries personal data."""

from odoo.tools import LazyTranslate

from . import outcomes

_lt = LazyTranslate(__name__)

MESSAGES = {
    outcomes.ALREADY_LINKED: _lt("This ID already has an account. Update it instead."),
    outcomes.NOT_LINKED: _lt("This ID has no account."),
    outcomes.INACTIVE: _lt("The account of this ID is frozen."),
    outcomes.MISMATCH: _lt("The account is not the one of this ID."),
    outcomes.INVALID_ID: _lt("The ID is missing or not written as it should be."),
    outcomes.INVALID_FA: _lt("The account is missing or not written as it should be."),
    outcomes.INVALID_NAME: _lt(
        "The name has to be text of at most 255 characters without control characters."
    ),
    outcomes.INVALID_PHONE: _lt(
        "The phone number has to be written with digits, at most 32 characters, for "
        "example +255 712 345 678."
    ),
    outcomes.INVALID_REFERENCE: _lt(
        "The reference has to be text of at most 255 characters without control "
        "characters."
    ),
    outcomes.REJECTED: _lt(
        "The additional information has to be a list of at most 16 KB and 100 levels, "
        "without NUL."
    ),
    outcomes.RETRY: _lt("This item could not be stored now. Please try it again."),
}
UNREADABLE = _lt("The stored account cannot be read. The registry's operator was told.")
FOREIGN_ID_TYPE = _lt("This client may not use IDs of this type.")
FOREIGN_PROVIDER = _lt("This client may not link accounts of this provider.")
FOREIGN_MAPPING = _lt(
    "The account of this ID is kept by another provider. To change it, name that "
    "provider and a consent."
)
BAD_CONSENT = _lt(
    "The consent has to be text of at most 255 characters without control characters."
)
