# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Turns rows of an uploaded table into items of the mapper, a chunk at a time."""

from typing import NamedTuple

from odoo.fields import Domain

from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError

from .outcomes import LinkItem


class Refusal(NamedTuple):
    """Why a row makes no item."""

    part: str  #: the target of the column, empty for the whole row
    reason: str  #: key of ``mapping_import_row.REASONS``


class ImportReader:
    """Reads the rows of one import. What the directory says is kept for the chunk.

    The address is made of the answers to the questions of the account type, as on any
    form: :meth:`_compose_batch` of floor 1 checks and writes it.

    :param load: the import
    """

    def __init__(self, load):
        self.env = load.env
        self.load = load
        self.targets = load._get_targets()
        self.width = len(load.column_ids)
        self.used = frozenset(self.targets.values())
        # sudo: the directory and the ID types are the same for everyone
        self.types = self.env["g2p.spar.account.type"].sudo()
        self.type_names = self._name_types()
        self.number_keys = {
            kind: kind.field_ids.filtered("is_number").key
            for kind in self.types.search([])
        }
        self.id_types = self._name_id_types()

    def _name_types(self):
        """Account types by the words that name them."""
        kinds = self.types.search([("strategy_id", "!=", False)])
        return _by_word(
            kinds,
            lambda kind: [
                *(kind.wire_fa_type, kind.name),
                *(kind.fa_type_aliases or "").split(","),
            ],
        )

    def _name_id_types(self):
        id_types = self.env["g2p.spar.id.type"].sudo().search([])
        return _by_word(id_types, lambda id_type: [id_type.name])

    def read_rows(self, records):
        """:return: a ``LinkItem`` or :class:`Refusal` for each record, in order"""
        rows = [self._get_cells(record) for record in records]
        ids = [self._read_id(row) for row in rows]
        addresses = self._read_addresses(rows)
        return [
            self._make_item(record, row, *parts)
            for record, row, *parts in zip(records, rows, ids, addresses, strict=True)
        ]

    def _get_cells(self, record):
        """The cells that are used, by target."""
        cells = record.cells
        return {
            target: cells[place].strip() if place < len(cells) else ""
            for target, place in self.targets.items()
        }

    def _make_item(self, record, row, wire_id, fa):
        if len(record.cells) > self.width and any(record.cells[self.width :]):
            return Refusal("", "cells")
        for target, place in self.targets.items():
            if place in record.altered:
                return Refusal(target, "altered")
        for found in (wire_id, fa):
            if isinstance(found, Refusal):
                return found
        return LinkItem(
            wire_id,
            fa,
            row.get("name", ""),
            row.get("phone", ""),
            reference=row.get("reference", ""),
        )

    # ------------------------------------------------------------------ ID

    def _read_id(self, row):
        text = row["id"]
        if not text:
            return Refusal("id", "missing")
        id_type = self.load.id_type_id
        if "id_type" in self.targets and row["id_type"]:
            id_type = _one(self.id_types.get(row["id_type"].lower()), "id_type")
            if isinstance(id_type, Refusal):
                return id_type
        if not id_type:
            return text
        wire_id = self._write_id(id_type, text)
        (parsed,) = id_type._parse_ids([wire_id])
        # what another type takes is the ID of somebody else
        is_of_type = parsed and parsed.id_type_id == id_type.id
        return wire_id if is_of_type else Refusal("id", "invalid")

    @staticmethod
    def _write_id(id_type, text):
        """An ID as written, which the cell may hold already."""
        prefix, suffix = (id_type.prefix or "").lower(), (id_type.suffix or "").lower()
        folded = text.lower()
        if (prefix or suffix) and folded.startswith(prefix) and folded.endswith(suffix):
            return text
        return id_type._wire_id(text)

    # ------------------------------------------------------------------ address

    def _read_addresses(self, rows):
        """A financial address or :class:`Refusal` for each row."""
        if "fa" in self.targets:
            return [row["fa"] or Refusal("fa", "missing") for row in rows]
        kinds = [self._read_kind(row) for row in rows]
        fsps = self._read_providers(rows)
        branches = self._read_branches(rows, fsps)
        result = list(kinds)
        by_kind = {}
        for pos, kind in enumerate(kinds):
            for found in (kind, fsps[pos], branches[pos]):
                if isinstance(found, Refusal):
                    result[pos] = found
                    break
            else:
                by_kind.setdefault(kind, []).append(pos)
        for kind, places in by_kind.items():
            answers = [
                self._make_answers(kind, rows[pos], fsps[pos], branches[pos])
                for pos in places
            ]
            addresses = kind._compose_batch(answers)
            for pos, address in zip(places, addresses, strict=True):
                if isinstance(address, AddressError):
                    result[pos] = self._refuse(address, rows[pos])
                else:
                    result[pos] = address.fa
        return result

    def _make_answers(self, kind, row, fsp, branch):
        number = self.number_keys[kind]
        return {"fsp": fsp, "branch": branch, number: row.get("number", "")}

    @staticmethod
    def _refuse(error, row):
        key = next(iter(error.errors))
        part = {"fsp": "provider", "branch": "branch"}.get(key, "number")
        return Refusal(part, "invalid" if row.get(part) else "missing")

    def _read_kind(self, row):
        if row.get("account_type"):
            kinds = self.type_names.get(row["account_type"].lower())
            return _one(kinds, "account_type")
        kind = self.load.account_type_id.sudo()
        if not kind:
            return Refusal("account_type", "missing")
        # archived since it was chosen
        return kind if kind.active else Refusal("account_type", "unknown")

    def _read_providers(self, rows):
        """Id of the provider of each row, False, or :class:`Refusal`."""
        constant = self.load.fsp_id.id
        if "provider" not in self.targets:
            return [constant] * len(rows)
        texts = {row["provider"] for row in rows} - {""}
        matches = self.env["g2p.spar.fsp"].sudo()._match_texts(texts)
        known = {text: _one_id(matches.get(text), "provider") for text in texts}
        return [known[row["provider"]] if row["provider"] else constant for row in rows]

    def _read_branches(self, rows, fsps):
        """Id of the branch of each row, False, or :class:`Refusal`."""
        if "branch" not in self.targets:
            return [False] * len(rows)
        texts = {}  # provider -> texts
        for row, fsp in zip(rows, fsps, strict=True):
            if row["branch"] and fsp and not isinstance(fsp, Refusal):
                texts.setdefault(fsp, set()).add(row["branch"])
        branches = self.env["g2p.spar.fsp.branch"].sudo()
        known = {}
        for fsp, names in texts.items():
            found = branches._match_texts(names, Domain("fsp_id", "=", fsp))
            known |= {(fsp, text): _one_id(found.get(text), "branch") for text in names}
        return [
            known.get((fsp, row["branch"]), False)
            for row, fsp in zip(rows, fsps, strict=True)
        ]


def _by_word(records, get_words):
    """Records by the words that name them, in lower case; a code names its own only."""
    codes, names = {}, {}
    for record in records:
        codes[record.code.lower()] = codes.get(record.code.lower(), record) | record
        for word in {word.strip().lower() for word in get_words(record) if word}:
            names[word] = names.get(word, record) | record
    return names | codes


def _one(records, part):
    """The one record, or why there is none."""
    if not records:
        return Refusal(part, "unknown")
    return records if len(records) == 1 else Refusal(part, "unclear")


def _one_id(records, part):
    found = _one(records, part)
    return found if isinstance(found, Refusal) else found.id
