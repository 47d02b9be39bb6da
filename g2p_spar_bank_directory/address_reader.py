# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads a batch of financial addresses with a constant number of queries."""

import re
from typing import NamedTuple

import msgspec

from odoo.tools import SQL

from . import grammar
from .address import Address
from .const import BRANCH_CODE, BRANCH_NAME, FA_TYPE, FSP_CODE, FSP_NAME
from .exceptions import AddressError
from .masking import last, mask
from .validators import is_iban_like, normalise


class Format(NamedTuple):
    """One address format as plain data, fit for a cache."""

    strategy_id: int
    account_type_id: int
    account_type: str
    compiled: re.Pattern
    roles: dict  #: name in the text -> role, see const.py
    names: dict  #: role -> name in the text
    fa_words: frozenset  #: accepted values of fa_type, case-folded
    number_field_id: int
    number_key: str
    validator: str
    number_pattern: str
    mask: str
    branch_required: bool

    def take_apart(self, text):
        """The components of ``text``.

        :return: :class:`Reading`, or ``None`` when the text has another form
        """
        components = grammar.deconstruct(self.compiled, text)
        if components is None:
            return None
        word = components.get(self.names.get(FA_TYPE))
        if word is not None and word.casefold() not in self.fa_words:
            return None
        get, names = components.get, self.names.get
        return Reading(
            self, components, get(names(FSP_CODE)) or "", get(names(BRANCH_CODE)) or ""
        )


class Reading(msgspec.Struct):
    """A text taken apart, before the directory was asked."""

    format: Format
    components: dict
    fsp_code: str  #: empty when the text names none
    branch_code: str

    @property
    def by_role(self):
        """The components by what they stand for."""
        roles = self.format.roles
        return {roles[name]: text for name, text in self.components.items()}


class Fsp(NamedTuple):
    """A provider; plain, since a record costs a microsecond per field and address."""

    id: int
    code: str
    name: str
    active: bool
    country: str  #: two-letter code, empty when not known
    account_type_ids: frozenset


class Branch(NamedTuple):
    """A branch, plain as well."""

    id: int
    code: str
    name: str
    active: bool
    fsp_id: int


class Place(NamedTuple):
    """What all addresses of one format, provider and branch share."""

    errors: dict  #: key -> sentence: what the directory has against it
    country: str  #: of the provider, empty when not known
    components: dict  #: those for which the directory has a name
    known: tuple  #: members of ``Address`` from account_type_id to branch_name


def mask_number(number, mask_kind):
    """Mask an account number; one that is an IBAN shows its country, too."""
    if mask_kind == "last4" and is_iban_like(number):
        mask_kind = "iban"
    return mask(number, mask_kind)


def opaque(fa):
    """The address of which nothing is known but its text."""
    return Address(fa=fa, number=fa, masked=mask(fa, "last4"), last=last(fa))


class AddressReader:
    """One batch. Equal texts are read once."""

    def __init__(self, env, strict):
        self.env = env
        self.strict = strict
        self.formats = env["g2p.spar.account.type"]._get_formats()
        self.fsps = {}
        self.branches = {}
        self.branched = frozenset()
        self.places = {}

    def read_batch(self, fas):
        """:return: an ``Address`` or ``AddressError`` for each of ``fas``, in order"""
        texts = {fa for fa in fas if isinstance(fa, str)}
        readings = {fa: self._take_apart(fa) for fa in texts}
        self._load_directory([r for r in readings.values() if isinstance(r, Reading)])
        results = {fa: self._finish(fa, reading) for fa, reading in readings.items()}
        wrong_type = self._error("fa", self.env._("An address is a text."))
        return [results[fa] if isinstance(fa, str) else wrong_type for fa in fas]

    @staticmethod
    def _error(key, message):
        return AddressError({key: message})

    def _take_apart(self, fa):
        """:return: Reading, AddressError, or None when no format fits"""
        if not fa.strip():
            return self._error("fa", self.env._("The address is empty."))
        if len(fa) > grammar.MAX_TEXT:
            return self._error(
                "fa", self.env._("An address has at most 1000 characters.")
            )
        if grammar.has_control(fa):
            return self._error(
                "fa", self.env._("The address holds a character not allowed.")
            )
        for fmt in self.formats:
            if reading := fmt.take_apart(fa):
                return reading
        return None

    def _load_directory(self, readings):
        """Fetch the providers and branches that the batch names."""
        fsp_codes = {reading.fsp_code for reading in readings} - {""}
        branch_codes = {reading.branch_code for reading in readings} - {""}
        if not fsp_codes:
            return
        self.fsps = {fsp.code: fsp for fsp in self._fetch_fsps(fsp_codes)}
        fsp_ids = [fsp.id for fsp in self.fsps.values()]
        if not fsp_ids:
            return
        if branch_codes:
            self.branches = {
                (branch.fsp_id, branch.code): branch
                for branch in self._fetch_branches(fsp_ids, branch_codes)
            }
        if self.strict and any(not r.branch_code for r in readings):
            groups = self.env["g2p.spar.fsp.branch"]._read_group(
                [("fsp_id", "in", fsp_ids)], ["fsp_id"]
            )
            self.branched = frozenset(fsp.id for (fsp,) in groups)

    def _fetch_fsps(self, codes):
        """With one query and no records: these take three queries and some time.

        :rtype: Iterator[Fsp]
        """
        fsps = self.env["g2p.spar.fsp"]
        kinds = fsps._fields["account_type_ids"]
        query, columns = self._prepare_query(fsps, [("code", "in", list(codes))])
        country = query.make_alias(query.table, "country_id")
        country_id = fsps._field_to_sql(query.table, "country_id", query)
        same = SQL("%s = %s", country_id, SQL.identifier(country, "id"))
        query.add_join("LEFT JOIN", country, "res_country", same)
        kind_ids = SQL(
            "ARRAY(SELECT %s FROM %s WHERE %s = %s)",
            SQL.identifier(kinds.column2),
            SQL.identifier(kinds.relation),
            SQL.identifier(kinds.column1),
            SQL.identifier(query.table, "id"),
        )
        query = query.select(*columns, SQL.identifier(country, "code"), kind_ids)
        for *known, country_code, type_ids in self.env.execute_query(query):
            yield Fsp(*known, country_code or "", frozenset(type_ids))

    def _fetch_branches(self, fsp_ids, codes):
        """:rtype: Iterator[Branch]"""
        branches = self.env["g2p.spar.fsp.branch"]
        domain = [("code", "in", list(codes)), ("fsp_id", "in", fsp_ids)]
        query, columns = self._prepare_query(branches, domain)
        fsp_id = branches._field_to_sql(query.table, "fsp_id", query)
        for row in self.env.execute_query(query.select(*columns, fsp_id)):
            yield Branch(*row)

    @staticmethod
    def _prepare_query(entries, domain):
        """A query for what the caller may see of the directory, archived entries
        included: old addresses must stay readable."""
        query = entries._search(domain, active_test=False)
        return query, [
            entries._field_to_sql(query.table, name, query)
            for name in ("id", "code", "name", "active")
        ]

    def _finish(self, fa, reading):
        if isinstance(reading, AddressError):
            return reading
        if reading is None:
            if self.strict:
                return self._error("fa", self.env._("No address has this form."))
            return opaque(fa)
        fmt, components = reading.format, reading.components
        place = self._get_place(fmt, reading.fsp_code, reading.branch_code)
        number, number_error = self._read_number(fmt, components, place.country)
        if self.strict and (place.errors or number_error):
            errors = dict(place.errors)
            if number_error:
                errors[fmt.number_key] = number_error
            return AddressError(errors)
        components |= place.components
        if number:
            components[fmt.number_key] = number
        masked = mask_number(number, fmt.mask)
        return Address(fa, components, *place.known, number, masked, last(number))

    def _get_place(self, fmt, fsp_code, branch_code):
        """:rtype: Place"""
        key = fmt.strategy_id, fsp_code, branch_code
        place = self.places.get(key)
        if not place:
            place = self.places[key] = self._make_place(fmt, fsp_code, branch_code)
        return place

    def _make_place(self, fmt, fsp_code, branch_code):
        fsp = self.fsps.get(fsp_code)
        branch = fsp and self.branches.get((fsp.id, branch_code))
        fsp_name = fsp.name if fsp else ""
        branch_name = branch.name if branch else ""
        names = {FSP_NAME: fsp_name, BRANCH_NAME: branch_name}
        return Place(
            self._check_directory(fmt, fsp, branch_code, branch) if self.strict else {},
            fsp.country if fsp else "",
            {name: names[role] for name, role in fmt.roles.items() if names.get(role)},
            (
                *(fmt.account_type_id, fmt.account_type, fmt.strategy_id),
                *(fsp.id if fsp else 0, fsp_code, fsp_name),
                *(branch.id if branch else 0, branch_code, branch_name),
            ),
        )

    def _read_number(self, fmt, components, country):
        """:return: ``(number, error)``; a number its rule refuses stays as written"""
        text = components.get(fmt.number_key) or ""
        try:
            if not text.strip():
                raise ValueError("empty")
            number = normalise(text, fmt.validator, fmt.number_pattern, country)
        except ValueError:
            field = self.env["g2p.spar.account.type.field"].browse(fmt.number_field_id)
            return text.strip(), field._get_error_text()
        return number, None

    def _check_directory(self, fmt, fsp, branch_code, branch):
        """:return: ``{key: sentence}`` of what the directory has against it"""
        if FSP_CODE not in fmt.roles.values():
            return {}
        if not fsp or not fsp.active:
            return {"fsp": self.env._("The directory has no such provider.")}
        if fmt.account_type_id not in fsp.account_type_ids:
            return {
                "fsp": self.env._("This provider does not offer this kind of account.")
            }
        if BRANCH_CODE not in fmt.roles.values():
            return {}
        if branch_code:
            if not branch or not branch.active:
                return {"branch": self.env._("This provider has no such branch.")}
        elif fmt.branch_required and fsp.id in self.branched:
            return {"branch": self.env._("The branch is missing.")}
        return {}
