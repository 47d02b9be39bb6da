# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re
from itertools import takewhile

import msgspec

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache

from odoo.addons.g2p_spar_bank_directory.grammar import (
    GrammarError,
    compile_pattern,
)
from odoo.addons.g2p_spar_bank_directory.masking import MASK_KINDS, mask

from ..keyring import get_keyring

MAX_ID = 255
#: fields that decide how an ID is looked up, and by whom
SPELLING = {"code", "prefix", "suffix", "is_test"}
#: fields that decide which of several types an ID belongs to
CLAIMS = {"prefix", "suffix", "pattern", "sequence", "active", "is_test"}
VISIBLE = 4  #: at most so many last characters of an ID can be searched for


def _is_padded(text):
    """Whether printable text has blanks at its ends; there is one that is printable."""
    return text[0] == " " or text[-1] == " "


def _get_ids(takers):
    return {id_ for id_, _pattern in takers}


def _keeps_ids(id_, before, after):
    """Whether a type still gets the IDs that it had: nothing longer takes some of them,
    and no other one has to do with the rest, or nothing else changed than that others
    are gone.

    :param tuple before: see ``_get_takers``
    :param tuple after: the same after a change
    """
    (longer_before, before), (longer_after, after) = before, after
    if not longer_after <= longer_before:
        return False
    ids_before, ids_after = _get_ids(before), _get_ids(after)
    if ids_before | ids_after <= {id_}:
        return True
    rest = iter(before)
    is_shorter = all(taker in rest for taker in after)
    return is_shorter and id_ not in ids_before - ids_after


class IdRule(msgspec.Struct, frozen=True):
    """One ID type, ready for matching."""

    id_type_id: int
    code: str
    prefix: str  #: lower case
    suffix: str  #: lower case
    pattern: re.Pattern | None
    mask: str
    is_test: bool

    @property
    def affixes(self):
        return self.prefix, self.suffix

    def covers(self, prefix, suffix):
        """Whether each ID with these affixes carries those of this type, too."""
        return prefix.startswith(self.prefix) and suffix.endswith(self.suffix)

    def may_take(self, prefix, suffix):
        """Whether some IDs with these affixes may carry those of this type, too. IDs
        without any are free for types to come, but not for those for tests."""
        return (
            bool(prefix or suffix or self.is_test)
            and (self.prefix.startswith(prefix) or prefix.startswith(self.prefix))
            and (self.suffix.endswith(suffix) or suffix.endswith(self.suffix))
        )


class ParsedId(msgspec.Struct, frozen=True):
    """An ID as written, taken apart by its type."""

    rule: IdRule
    value: str  #: what identifies the person; case is kept

    @property
    def id_type_id(self):
        return self.rule.id_type_id

    @property
    def id_type(self):
        """Code of the ID type."""
        return self.rule.code

    @property
    def masked(self):
        """The ID as screens may show it."""
        return mask(self.value, self.rule.mask)

    @property
    def last(self):
        """Last characters for searching, never more than half of the value."""
        return self.value[len(self.value) - min(VISIBLE, len(self.value) // 2) :]


class G2pSparIdType(models.Model):
    """A kind of beneficiary ID and how it is written: ``prefix value suffix``.

    An ID belongs to the type with the longest prefix and suffix that it carries; among
    types with the same ones, to the first whose pattern fits. A type with neither takes
    every ID that no other type claims. Compatible clients may link IDs that fit no
    pattern: these belong to the first type of that prefix and suffix.
    """

    _name = "g2p.spar.id.type"
    _inherit = ["g2p.spar.cached"]
    _description = "SPAR ID Type"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        help="Short name of the type. It is part of what IDs are looked up by, so it "
        "can not change once there are mappings.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    prefix = fields.Char(
        help="What every ID of this type begins with, for example 'token:'. Upper and "
        "lower case are the same.",
    )
    suffix = fields.Char(
        help="What every ID of this type ends with, for example '@nationalId'. Upper "
        "and lower case are the same.",
    )
    pattern = fields.Char(
        help="Regular expression for the part between prefix and suffix. Empty: any "
        "printable characters. Only compatible API clients may link IDs that do not "
        "fit.",
    )
    mask = fields.Selection(
        [kind for kind in MASK_KINDS if kind[0] != "none"],
        required=True,
        default="last4",
        help="What of an ID screens show.",
    )
    is_test = fields.Boolean(
        "For tests",
        help="IDs of this type belong to nobody. API clients in test may touch only "
        "these, live ones never.",
    )
    example = fields.Char(help="An ID of this type as people write it; not a real one.")

    _code_uniq = models.Constraint(
        "UNIQUE(code)", "There is already an ID type with this code."
    )

    @api.constrains("code", "prefix", "suffix", "pattern", "example", "active")
    def _check_shape(self):
        for id_type in self:
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", id_type.code):
                raise ValidationError(
                    self.env._(
                        "The code of an ID type takes up to 64 letters, digits, dots, "
                        "hyphens and underscores."
                    )
                )
            for affix in (id_type.prefix, id_type.suffix):
                if affix and not re.fullmatch(r"[\x21-\x7e]{1,64}", affix):
                    raise ValidationError(
                        self.env._(
                            "Prefix and suffix take up to 64 ASCII characters without "
                            "spaces."
                        )
                    )
            try:
                compile_pattern(id_type.pattern or "")
            except GrammarError as err:
                raise ValidationError(
                    self.env._("The pattern cannot be used: %s", err.reason)
                ) from err
            id_type._check_example()

    def _check_example(self):
        self.ensure_one()
        if not (self.active and self.example):
            return
        self.env.registry.clear_cache()  # the rules in it are older than the change
        parsed = self._parse_ids([self.example])[0]
        if not parsed or parsed.id_type_id != self.id:
            raise ValidationError(
                self.env._(
                    "The example is not recognised as an ID of the type %s.", self.name
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        self.check_access("create")
        before = self._get_takers()
        id_types = super().create(vals_list)
        self._check_takers(before)
        return id_types

    def write(self, vals):
        self.check_access("write")
        self._check_spelling_unused(vals)
        if not CLAIMS & vals.keys():
            return super().write(vals)
        before = self._get_takers()
        result = super().write(vals)
        self._check_takers(before)
        return result

    def _check_spelling_unused(self, vals):
        """Under another code, prefix or suffix nobody would find the mappings again,
        and the same person could be linked a second time."""
        changed = self.filtered(
            lambda id_type: any(
                (id_type[name] or "") != (vals[name] or "")
                for name in SPELLING & vals.keys()
            )
        )
        if changed._has_mappings():
            raise ValidationError(
                self.env._(
                    "Code, prefix, suffix and “For tests” can not change: there are "
                    "mappings of this ID type."
                )
            )

    def _has_mappings(self):
        # sudo: only whether there is a mapping at all, nothing of it is shown
        mappings_sudo = self.env["g2p.spar.mapping"].sudo()
        return bool(
            mappings_sudo.search_count([("id_type_id", "in", self.ids)], limit=1)
        )

    def _get_takers(self):
        """The types that IDs written as those of a type are compared with.

        :return: by id of a type the longer affixes that some of its IDs may carry, too,
            and in order (id, pattern) of the types of its own affixes, or when all are
            archived, of the next shorter
        :rtype: dict[int, tuple[set, list]]
        """
        rules = self._read_rules()
        takers = {}
        # sudo: as for the rules
        for id_type in self.sudo().search([("active", "in", (True, False))]):
            affixes = (id_type.prefix or "").lower(), (id_type.suffix or "").lower()
            longer = list(takewhile(lambda r, of=affixes: not r.covers(*of), rules))
            first = next(iter(rules[len(longer) :]), None)
            own = [rule for rule in rules if first and rule.affixes == first.affixes]
            takers[id_type.id] = (
                {rule.affixes for rule in longer if rule.may_take(*affixes)},
                [(rule.id_type_id, rule.pattern) for rule in own],
            )
        return takers

    def _check_takers(self, before):
        """IDs that have mappings stay with their type: under another one nobody would
        find them, and the same person could be linked a second time.

        :param dict before: what :meth:`_get_takers` gave before the change
        :raise ValidationError: some could belong to another type from now on
        """
        after = self._get_takers()
        moved = self.browse(
            id_
            for id_, takers in before.items()
            if not _keeps_ids(id_, takers, after[id_])
        )
        if moved._has_mappings():
            raise ValidationError(
                self.env._(
                    "IDs that have mappings could belong to another ID type after this "
                    "change, and the same person could be linked twice. Of types with "
                    "the same prefix and suffix, pattern and order can not change once "
                    "there are mappings; a type is only archived while no other one "
                    "takes its IDs, and no other one gets a longer prefix or suffix "
                    "that they may have, too."
                )
            )

    # ------------------------------------------------------------------ parsing

    @ormcache()
    def _rules(self):
        return self._read_rules()

    def _read_rules(self):
        """Active types, most specific first, as plain tuples."""
        id_types = self.sudo().search([("active", "=", True)])
        rules = [
            IdRule(
                id_type.id,
                id_type.code,
                (id_type.prefix or "").lower(),
                (id_type.suffix or "").lower(),
                re.compile(id_type.pattern) if id_type.pattern else None,
                id_type.mask,
                id_type.is_test,
            )
            for id_type in id_types
        ]
        # sorted() is stable: types of the same length keep their sequence
        return tuple(sorted(rules, key=lambda rule: -len(rule.prefix + rule.suffix)))

    @api.model
    def _parse_ids(self, wire_ids, strict=True):
        """Take IDs apart.

        :param list[str] wire_ids: IDs as people and programmes write them
        :param bool strict: whether an ID has to fit the pattern of its type; who looks
            for a mapping must find those, too, that a compatible client has linked
        :return: one :class:`ParsedId` per ID, or None where it is not acceptable:
            empty, longer than 255, unprintable characters, spaces at the ends, of no
            known type, or not fitting the pattern of its type (g2p_connect 4.2)
        :rtype: list[ParsedId | None]
        """
        rules = self._rules()
        return [self._parse_id(wire_id, rules, strict) for wire_id in wire_ids]

    @staticmethod
    def _parse_id(wire_id, rules, strict):
        if (
            not isinstance(wire_id, str)
            or not 0 < len(wire_id) <= MAX_ID
            or not wire_id.isprintable()
            or _is_padded(wire_id)
        ):
            return None
        folded = wire_id.lower()
        claimed = misfit = None
        for rule in rules:
            prefix, suffix = rule.prefix, rule.suffix
            if claimed and (prefix, suffix) != claimed:
                break
            if not (
                folded.startswith(prefix)
                and folded.endswith(suffix)
                and len(wire_id) > len(prefix) + len(suffix)
            ):
                continue
            claimed = (prefix, suffix)
            value = wire_id[len(prefix) : len(wire_id) - len(suffix)]
            if _is_padded(value):
                continue
            if rule.pattern and not rule.pattern.fullmatch(value):
                misfit = misfit or ParsedId(rule, value)
                continue
            return ParsedId(rule, value)
        return None if strict else misfit

    @api.model
    def _is_affixed(self, text):
        """Whether ``text`` is an ID of a type that has a prefix or a suffix."""
        parsed = self._parse_ids([text])[0]
        return bool(parsed and (parsed.rule.prefix or parsed.rule.suffix))

    @api.model
    def _keys(self, parsed_ids, key_id=None):
        """Keyed hashes by which IDs are looked up.

        :param list[ParsedId] parsed_ids: IDs taken apart
        :param str key_id: key of the ring; by default the current one
        :rtype: list[str]
        """
        values = [("id", parsed.rule.code, parsed.value) for parsed in parsed_ids]
        return get_keyring().digest_many(values, key_id)

    @api.model
    def _keys_of_texts(self, written, key_id=None):
        """Keyed hashes of what people gave as IDs, for tables that keep it either way:
        those of the IDs, or of a text that is none to the registry (any more).

        :param list[str] written: IDs as written
        :param str key_id: key of the ring; by default the current one
        :rtype: list[str]
        """
        digest = get_keyring().digest
        parsed_ids = self._parse_ids(written, strict=False)
        return [
            self._keys([parsed], key_id)[0]
            if parsed
            else digest("no id", text.encode(errors="replace").decode(), key_id=key_id)
            for text, parsed in zip(written, parsed_ids, strict=True)
        ]

    @api.model
    def _lookup_keys_of_texts(self, written):
        """The same under each key of the ring that rows may stand under.

        :param list[str] written: IDs as written
        :rtype: list[str]
        """
        return [
            key
            for key_id in self.env["g2p.spar.mapper"]._lookup_key_ids()
            for key in self._keys_of_texts(written, key_id)
        ]

    def _wire_id(self, value):
        """The ID as written: ``value`` between prefix and suffix."""
        self.ensure_one()
        return f"{self.prefix or ''}{value}{self.suffix or ''}"
