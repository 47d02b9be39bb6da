# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One call of a mapper verb: items taken apart, checked, and their outcomes."""

import msgspec

from odoo.tools import LazyTranslate

from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError

from . import outcomes, reads, store, validation
from .keyring import get_keyring
from .outcomes import Outcome

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
        "The additional information has to be a list of at most 16 KB without NUL."
    ),
    outcomes.RETRY: _lt("This item could not be stored now. Please try it again."),
}


class Batch:
    """One call of a verb: its items, taken apart and checked, and their outcomes.

    :param G2pSparMapper mapper: the service
    :param list items: items of one verb
    :param Actor actor: who acts
    """

    def __init__(self, mapper, items, actor):
        self.mapper = mapper
        self.env = mapper.env
        self.items = items
        self.outcomes = [None] * len(items)
        self.actor = {
            "channel": actor.channel,
            "user_id": actor.user_id or None,
            "client_id": actor.client_id or None,
            "purpose": validation.clean_text(actor.purpose) or None,
            "transaction": validation.clean_text(actor.transaction) or None,
        }
        self.key_id = get_keyring().current
        self._parse_ids()
        self._parse_addresses(actor.strict)

    def _parse_ids(self):
        id_types = self.env["g2p.spar.id.type"]
        self.parsed = id_types._parse_ids([item.id for item in self.items])
        keys = iter(id_types._keys([parsed for parsed in self.parsed if parsed]))
        self.id_keys = [parsed and next(keys) for parsed in self.parsed]

    def _parse_addresses(self, strict):
        # sudo: parsing reads the directory for whoever the caller let in
        account_types = self.env["g2p.spar.account.type"].sudo()
        given = [pos for pos, item in enumerate(self.items) if item.fa]
        addresses = account_types._parse_addresses(
            [self.items[pos].fa for pos in given], strict
        )
        self.addresses = [None] * len(self.items)
        self.fa_keys = [None] * len(self.items)
        for pos, address in zip(given, addresses, strict=True):
            self.addresses[pos] = address
            if not isinstance(address, AddressError):
                self.fa_keys[pos] = self.mapper._fa_key(address)
        for pos, item in enumerate(self.items):
            self._check_parts(pos, item)

    def _check_parts(self, pos, item):
        by_fa_only = not item.id and item.fa and isinstance(item, outcomes.ResolveItem)
        if not self.parsed[pos] and not by_fa_only:
            self.refuse(pos, outcomes.INVALID_ID)
        elif isinstance(self.addresses[pos], AddressError):
            self.refuse(pos, outcomes.INVALID_FA, self.addresses[pos].message)
        elif not validation.is_clean_text(item.reference):
            self.refuse(pos, outcomes.INVALID_REFERENCE)

    def refuse(self, pos, code, message=""):
        """Set the outcome of an item that is not done."""
        item = self.items[pos]
        message = message or self.env._(MESSAGES[code])
        self.outcomes[pos] = Outcome(code, item.id, item.reference, message)

    def refuse_details(self, pos):
        """Whether an item to be written lacks an address or carries a bad detail."""
        item = self.items[pos]
        if not self.addresses[pos]:
            self.refuse(pos, outcomes.INVALID_FA)
        elif not validation.is_clean_text(item.name):
            self.refuse(pos, outcomes.INVALID_NAME)
        elif not validation.is_phone(item.phone):
            self.refuse(pos, outcomes.INVALID_PHONE)
        elif not validation.is_additional_info(item.additional_info):
            self.refuse(pos, outcomes.REJECTED)
        return bool(self.outcomes[pos])

    def accept(self, pos, mapping_id, opened_at):
        """Set the outcome of an item that is written or was so already."""
        item, address = self.items[pos], self.addresses[pos]
        self.outcomes[pos] = Outcome(
            outcomes.OK,
            item.id,
            item.reference,
            fa=address.fa,
            masked=address.masked,
            account_type=address.account_type,
            fsp_code=address.fsp_code,
            fsp_name=address.fsp_name,
            branch_code=address.branch_code,
            branch_name=address.branch_name,
            components=address.components,
            holder_name=item.name or "",
            additional_info=item.additional_info or [],
            since=_iso(opened_at),
            mapping_id=mapping_id,
        )

    # ------------------------------------------------------------------ reading

    def lock_live(self):
        """Lock the live mappings of all acceptable items."""
        keys = [
            id_key
            for id_key, outcome in zip(self.id_keys, self.outcomes, strict=True)
            if id_key and not outcome
        ]
        return store.lock_live(self.env, keys) if keys else {}

    def is_changeable(self, pos, row):
        """Whether ``row`` is a live mapping that may be changed; else refuse."""
        if not row:
            self.refuse(pos, outcomes.NOT_LINKED)
        elif row.state == "frozen":
            # a change would undo the freeze without anybody having lifted it
            self.refuse(pos, outcomes.INACTIVE)
        return not self.outcomes[pos]

    def find_live(self):
        """Live mappings by id_key (one each) and by fa_key (many, in order of id)."""
        id_keys, fa_keys = set(), set()
        for pos, outcome in enumerate(self.outcomes):
            if outcome:
                continue
            if self.id_keys[pos]:
                id_keys.add(self.id_keys[pos])
            else:
                fa_keys.add(self.fa_keys[pos])
        details = any(item.scope == outcomes.DETAILS for item in self.items)
        rows = store.find_live(self.env, id_keys, fa_keys, details)
        by_fa_key = {}
        if fa_keys:
            for row in sorted(rows, key=lambda row: row.mapping_id):
                by_fa_key.setdefault(row.fa_key, []).append(row)
        return {row.id_key: row for row in rows}, by_fa_key

    def prepare_found(self, item, rows):
        """The outcome of a resolve that found live mappings.

        Several rows only come from a look-up by account; then nothing that belongs to
        one of the persons is told.
        """
        if item.scope != outcomes.DETAILS:
            return Outcome(outcomes.OK, item.id, item.reference)
        row = rows[0]
        is_one = len(rows) == 1
        return Outcome(
            outcomes.OK,
            item.id,
            item.reference,
            "",
            row.fa,
            row.masked,
            row.account_type,
            row.fsp_code,
            row.fsp_name,
            row.branch_code,
            row.branch_name,
            _from_json(row.components) or {},
            row.holder_name if is_one else "",
            (is_one and _from_json(row.additional_info)) or [],
            _iso(row.opened_at) if is_one else "",
            row.mapping_id if is_one else 0,
            row.strategy,
        )

    def note_read(self):
        """Account for this look-up, now that all outcomes are known."""
        codes = [outcome.code for outcome in self.outcomes]
        keys = zip(self.id_keys, self.fa_keys, strict=True)
        reads.note(
            self.env.cr.dbname,
            self.actor,
            self.items,
            (id_key or fa_key for id_key, fa_key in keys),
            codes.count(outcomes.OK) + codes.count(outcomes.INACTIVE),
        )

    # ------------------------------------------------------------------ writing

    def prepare_row(self, pos, item, live=None):
        """The period that an item opens, after the ``live`` one if there is one."""
        parsed, address = self.parsed[pos], self.addresses[pos]
        name, phone = item.name or None, item.phone or None
        closes = old_masked = old_provider = old_fa_key = None
        if live:
            name, phone = name or live.holder_name, phone or live.phone
            closes, old_masked = live.mapping_id, live.fa_masked
            old_provider, old_fa_key = live.provider, live.fa_key
        return store.PeriodRow(
            id_key=self.id_keys[pos],
            pos=pos,
            closes=closes,
            is_last=True,
            id_type_id=parsed.id_type_id,
            key_id=self.key_id,
            id_value=parsed.value,
            id_masked=parsed.masked,
            id_last=parsed.last,
            fa=address.fa,
            fa_key=self.fa_keys[pos],
            components=_to_json(address.components),
            fa_masked=address.masked,
            fa_last=address.last,
            account_type_id=address.account_type_id or None,
            strategy_id=address.strategy_id or None,
            fsp_id=address.fsp_id or None,
            fsp_code=address.fsp_code or None,
            branch_id=address.branch_id or None,
            branch_code=address.branch_code or None,
            holder_name=name,
            phone=phone,
            additional_info=_to_json(item.additional_info or None),
            reference=item.reference or None,
            provider=address.fsp_name or address.fsp_code or None,
            old_masked=old_masked,
            old_provider=old_provider,
            old_fa_key=old_fa_key,
        )

    @staticmethod
    def is_change(row, live):
        """Whether the period ``row`` would differ from the ``live`` one."""
        return any(
            getattr(row, name) != getattr(live, name)
            for name in ("fa_key", "branch_code", "holder_name", "phone")
        ) or (
            row.additional_info is not None
            and _from_json(row.additional_info) != _from_json(live.additional_info)
        )

    @staticmethod
    def as_live(row):
        """The live mapping that ``row`` will make, for later items of the batch."""
        return store.LiveRow(
            mapping_id=None,
            id_key=row.id_key,
            key_id=row.key_id,
            id_masked=row.id_masked,
            fa_key=row.fa_key,
            branch_code=row.branch_code,
            holder_name=row.holder_name,
            phone=row.phone,
            additional_info=row.additional_info,
            state="active",
            opened_at=None,
            fa_masked=row.fa_masked,
            provider=row.provider,
            pos=row.pos,
        )


def _to_json(value):
    return None if value is None else msgspec.json.encode(value).decode()


def _from_json(text):
    return None if text is None else msgspec.json.decode(text)


def _iso(moment):
    """A naive UTC datetime as ISO 8601 with zone."""
    return f"{moment.isoformat(timespec='seconds')}Z"
