# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How account numbers, phones and e-mail addresses look on screens.

Pure functions. A mask never shows more than half of a value, so that short values
stay hidden, too.
"""

import phonenumbers

DOTS = "••••"
MASK_KINDS = [
    ("last4", "Last four characters"),
    ("phone", "Phone: country and last three digits"),
    ("email", "E-mail: first letter and domain"),
    ("iban", "IBAN: country and last four characters"),
    ("none", "Not masked"),
]


def last(value, size=4):
    """At most ``size`` last characters and never more than half of ``value``."""
    visible = min(size, len(value) // 2)
    return value[len(value) - visible :]


def _mask_last4(value):
    return f"{DOTS} {last(value, 4)}".rstrip()


def _mask_phone(value):
    try:
        country_code = phonenumbers.parse(value, None).country_code
    except phonenumbers.NumberParseException:
        return f"{DOTS} {last(value, 3)}".rstrip()
    national = value.removeprefix(f"+{country_code}")
    return f"+{country_code} {DOTS} {last(national, 3)}".rstrip()


def _mask_email(value):
    local, at, domain = value.rpartition("@")
    if not at or not local:
        return _mask_last4(value)
    return f"{local[0]}•••@{domain}"


def _mask_iban(value):
    if len(value) < 8 or not value[:2].isalpha():
        return _mask_last4(value)
    return f"{value[:2].upper()} {_mask_last4(value[2:])}"


_MASKS = {
    "last4": _mask_last4,
    "phone": _mask_phone,
    "email": _mask_email,
    "iban": _mask_iban,
    "none": str,
}


def mask(value, kind):
    """Mask ``value`` for a screen.

    :param str value: normalised number, phone (E.164) or e-mail address
    :param str kind: one of the keys of :data:`MASK_KINDS`
    :return: for example ``•••• 1234``, ``+255 •••• 678``, ``a•••@b.org``,
        ``DE •••• 1234``; an empty value gives an empty string
    :raise KeyError: for an unknown kind
    """
    mask_value = _MASKS[kind]
    return mask_value(value) if value else ""
