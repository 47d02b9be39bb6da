# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Rules for typed answers: each brings a value into its one normal form (pure).

A validator takes ``(value, pattern, country)`` and gives the normal form or raises
``ValueError``; what to tell the person is the business of the caller.
"""

import functools
import re
import unicodedata

import phonenumbers

from odoo.exceptions import ValidationError

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban, validate_iban

VALIDATORS = [
    ("none", "No rule"),
    ("pattern", "Regular expression"),
    ("account", "Account number or IBAN"),
    ("iban", "IBAN"),
    ("phone", "Phone number"),
    ("email", "E-mail address"),
]
MAX_ANSWER = 255  #: longest typed answer, in characters

# A deliberately small subset of RFC 5322: what wallet providers accept as a login.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_IBAN_START = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_BLANKS = re.compile(r"[\s-]+")
_compile = functools.lru_cache(maxsize=256)(re.compile)
DEFAULT_ACCOUNT = r"[0-9]{6,20}"


def is_iban_like(value):
    """Whether ``value`` begins as an IBAN does (country and two check digits)."""
    return value[:2].isalpha() and bool(_IBAN_START.match(value))  # the quick first


def _ascii_digits(value):
    """``value`` with the digits of other scripts written as 0 to 9."""
    if value.isascii():
        return value
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char for char in value
    )


def find_iban(value):
    """The IBAN that people, and who pays, read in a number that was not brought into
    its normal form.

    :return: capitals and digits alone; empty when it does not begin as an IBAN does
    :rtype: str
    """
    text = unicodedata.normalize("NFKC", _ascii_digits(value))
    iban = "".join(filter(str.isalnum, text)).upper().removeprefix("IBAN")
    return iban if is_iban_like(iban) else ""


def _none(value, _pattern, _country):
    return value


def _pattern(value, pattern, _country):
    if not value.isalnum():
        value = _BLANKS.sub("", value)
    if pattern and not _compile(pattern).fullmatch(value):
        raise ValueError("pattern")
    return value


def _iban(value, _pattern, country):
    iban = normalize_iban(value).upper()
    try:
        validate_iban(iban)
    except ValidationError as err:
        raise ValueError("iban") from err
    if country and iban[:2] != country:
        raise ValueError("iban_country")
    return iban


def _account(value, pattern, country):
    """An IBAN when it begins like one, else a number of the given pattern."""
    if is_iban_like(value.strip()):
        return _iban(value, pattern, country)
    return _pattern(value, pattern or DEFAULT_ACCOUNT, country)


def _phone(value, pattern, country):
    """E.164, read with the numbering plan of the provider's country."""
    # phonenumbers takes letters for the digits of a dial, and drops what it cannot use
    if ";" in value or any(char.isalpha() for char in value):
        raise ValueError("phone")
    # 00 is how most people write +, also where their own exit code is another one.
    if value.startswith("00") and not value.startswith("000"):
        value = "+" + value[2:]
    try:
        number = phonenumbers.parse(value, country or None)
    except phonenumbers.NumberParseException as err:
        raise ValueError("phone") from err
    if number.extension:
        raise ValueError("phone")
    # Countries share calling codes, and some of them whole ranges of numbers.
    if not country or not phonenumbers.is_valid_number_for_region(number, country):
        if not phonenumbers.is_valid_number(number):
            raise ValueError("phone")
        if country:
            raise ValueError("phone_country")
    formatted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if pattern and not re.fullmatch(pattern, formatted):
        raise ValueError("pattern")
    return formatted


def _email(value, pattern, _country):
    local, _at, domain = value.rpartition("@")
    email = f"{local}@{domain.lower()}"
    if not _EMAIL.fullmatch(email) or ".." in email or "." in (local[0], local[-1]):
        raise ValueError("email")
    if pattern and not re.fullmatch(pattern, email):
        raise ValueError("pattern")
    return email


_FUNCTIONS = {
    "none": _none,
    "pattern": _pattern,
    "account": _account,
    "iban": _iban,
    "phone": _phone,
    "email": _email,
}


def normalise(value, validator, pattern="", country=""):
    """Bring a typed value into its normal form.

    :param str value: what was typed, without control characters
    :param str validator: a key of :data:`VALIDATORS`
    :param str pattern: regular expression for the normal form, may be empty
    :param str country: two-letter code of the provider's country, may be empty
    :return: digits without blanks, IBAN in capitals, E.164, or e-mail address with a
        lower-case domain
    :raise ValueError: ``pattern``, ``iban``, ``iban_country``, ``phone``,
        ``phone_country`` or ``email``
    """
    return _FUNCTIONS[validator](_ascii_digits(value.strip()), pattern, country)
