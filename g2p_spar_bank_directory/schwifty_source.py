# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads the bank registry of the ``schwifty`` package as providers and branches.

The registry is a flat list of national codes, and what a code stands for differs from
country to country. The mapping here follows what the data can carry:

- By default a national code is a bank: one provider for each code.
- In the countries of :data:`OFFICES` a code is one office of a bank: codes that share
  the bank's name and the first four letters of the BIC are branches of one provider.
  A bank with a single code has no branches, so nobody is asked for one.
- In the countries of :data:`RANGES` a bank owns ranges of codes that say nothing about
  an office: one provider, no branches.
- Entries without a code are known by their BIC.
- Further entries with a code that was seen (other BICs of the same office, or in
  Ukraine offices that have no code of their own) are left out and counted.
"""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from schwifty import IBAN, registry
from schwifty.exceptions import SchwiftyException

OFFICES = frozenset({"AT", "CH", "DE", "DK", "HU", "NO", "PL", "SI"})
RANGES = frozenset({"BE", "FI"})
#: BIC prefixes of unions whose members share names: each code is a bank of its own.
UNIONS = frozenset({("DE", "GENO")})

SEEN = "same national code as another entry"
UNUSABLE = "no usable code"

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class Office(NamedTuple):
    """One entry of the registry."""

    code: str  #: national code, or BIC where there is none
    name: str  #: the bank's name
    office_name: str  #: the office's own name, empty when the registry has none
    bic: str


class Provider(NamedTuple):
    """One bank; ``offices`` are its branches and empty when it has a single code."""

    codes: list  #: all national codes, in order
    name: str
    bic: str
    offices: list


def read_bank_code(iban):
    """The national code within an IBAN, as :attr:`Provider.codes` has it.

    :return: ``(country, code)``; None when it is no IBAN of a known form
    """
    try:
        bban = IBAN(iban, allow_invalid=True).bban
        parts = bban.spec.bic_lookup_components  # what the registry's codes consist of
    except SchwiftyException:
        return None
    code = "".join(getattr(bban, part) for part in parts)
    return (iban[:2], code) if code else None


def get_countries():
    """Two-letter codes of the countries the registry covers, sorted."""
    return sorted(registry.get_countries())


def read_country(country):
    """The banks of one country.

    :param str country: two capital letters
    :return: ``(providers, skipped)``: list of :class:`Provider`, and a Counter of
        reasons why entries were left out
    """
    offices, skipped = _read_offices(country)
    groups = defaultdict(list)
    prefixes = _usual_prefixes(offices)
    for office in offices:
        groups[_bank_key(country, office, prefixes)].append(office)
    providers = [_make_provider(country, group) for group in groups.values()]
    return sorted(providers, key=lambda provider: provider.codes), skipped


def _clean(text):
    return _BLANKS.sub(" ", text or "").strip()[:255]


def _read_offices(country):
    """Entries of the registry with a code each, the main entry of a code first."""
    skipped = Counter()
    offices = {}
    entries = registry.get_banks_by_country(country)
    for entry in sorted(entries, key=lambda entry: not entry.primary):
        bic = entry.bic if _BIC.fullmatch(entry.bic or "") else ""
        code = (entry.bank_code or bic).strip()
        name = _clean(entry.name)
        if not _CODE.fullmatch(code) or not name:
            skipped[UNUSABLE] += 1
        elif code in offices:
            skipped[SEEN] += 1
        else:
            short = _clean(entry.short_name)
            if country == "CH" and " - " in name:
                name, short = name.split(" - ", 1)  # "UBS Switzerland AG - Arosa"
            offices[code] = Office(code, name, short if short != name else "", bic)
    return list(offices.values()), skipped


def _usual_prefixes(offices):
    """Bank name -> the BIC prefix it mostly has, for entries without a BIC."""
    prefixes = defaultdict(Counter)
    for office in offices:
        if office.bic:
            prefixes[office.name][office.bic[:4]] += 1
    return {name: counter.most_common(1)[0][0] for name, counter in prefixes.items()}


def _bank_key(country, office, prefixes):
    """Entries with the same key are one provider."""
    prefix = office.bic[:4] or prefixes.get(office.name, "")
    if country not in OFFICES | RANGES or (country, prefix) in UNIONS:
        return office.code
    return office.name, prefix


def _make_provider(country, group):
    group = sorted(group)
    first = group[0]
    name = first.name
    if len(group) == 1:
        # Members of a union share a name: the office's name tells them apart.
        if (country, first.bic[:4]) in UNIONS and first.office_name:
            name = first.office_name
        return Provider([first.code], name, first.bic, [])
    bics = {office.bic for office in group if office.bic}
    heads = {bic[:8] for bic in bics}
    bic = bics.pop() if len(bics) == 1 else heads.pop() if len(heads) == 1 else ""
    offices = [] if country in RANGES else group
    return Provider([office.code for office in group], name, bic, offices)
