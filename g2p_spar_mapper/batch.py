# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One call of a mapper verb: items taken apart, checked, and their outcomes."""

import functools
import logging

import msgspec

from odoo.addons.g2p_spar_bank_directory.address import Address
from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError

from . import outcomes, reads, store, texts, validation
from .content import Content, encode, open_content
from .ibans import find_foreign
from .outcomes import Outcome
from .rows import LiveRow, MarkedRow, PeriodRow

_logger = logging.getLogger(__name__)


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
        self.infos = {}  #: additional information as JSON, by place
        self.contested = set()  #: id_keys whose mapping others kept replacing
        self.actor = actor_values(actor)
        self.limits = actor.limits
        self.is_look_up = bool(items) and isinstance(items[0], outcomes.ResolveItem)
        #: keys before the current one, under which rows may still stand
        self.old_key_ids = mapper._lookup_key_ids()[1:]
        self.current_of = {}  #: digest under an old key -> under the current one
        self._parse_ids(actor.strict)
        self._parse_addresses(actor.strict)
        self._check_parts()

    def _parse_ids(self, strict):
        id_types = self.env["g2p.spar.id.type"]
        self.parsed = id_types._parse_ids([item.id for item in self.items], strict)
        sound = [parsed for parsed in self.parsed if parsed]
        keys = id_types._keys(sound)
        for key_id in self.old_key_ids:
            self.current_of |= zip(id_types._keys(sound, key_id), keys, strict=True)
        keys = iter(keys)
        self.id_keys = [parsed and next(keys) for parsed in self.parsed]

    def _parse_addresses(self, strict):
        self.addresses = [None] * len(self.items)
        self.fa_keys = [None] * len(self.items)
        given = [pos for pos, item in enumerate(self.items) if item.fa]
        if not given:
            return
        # sudo: parsing reads the directory for whoever the caller let in
        account_types = self.env["g2p.spar.account.type"].sudo()
        addresses = account_types._parse_addresses(
            [self.items[pos].fa for pos in given], strict
        )
        for pos, address in zip(given, addresses, strict=True):
            self.addresses[pos] = address
        sound = [pos for pos in given if isinstance(self.addresses[pos], Address)]
        addresses = [self.addresses[pos] for pos in sound]
        keys = self.mapper._fa_keys(addresses)
        for pos, key in zip(sound, keys, strict=True):
            self.fa_keys[pos] = key
        for key_id in self.old_key_ids:
            old = self.mapper._fa_keys(addresses, key_id)
            self.current_of |= zip(old, keys, strict=True)

    @functools.cached_property
    def foreign_ibans(self):
        """Account numbers that this actor may not link, wherever they are said to be;
        looked up when something is written, not by look-ups."""
        return find_foreign(self.env, self.addresses, self.limits.providers)

    def _check_parts(self):
        is_clean, id_types = validation.is_clean_text, self.limits.id_types
        for pos, item in enumerate(self.items):
            parsed, address = self.parsed[pos], self.addresses[pos]
            if not parsed and (item.id or not address or not self.is_look_up):
                self.refuse(pos, outcomes.INVALID_ID)
            elif parsed and id_types is not None and parsed.id_type_id not in id_types:
                self.refuse(pos, outcomes.INVALID_ID, self.env._(texts.FOREIGN_ID_TYPE))
            elif isinstance(address, AddressError):
                self.refuse(pos, outcomes.INVALID_FA, address.message)
            elif not is_clean(item.reference):
                self.refuse(pos, outcomes.INVALID_REFERENCE)
            elif not (self.is_look_up or is_clean(item.consent)):
                self.refuse(pos, outcomes.REJECTED, self.env._(texts.BAD_CONSENT))

    def refuse(self, pos, code, message=""):
        """Set the outcome of an item that is not done."""
        item = self.items[pos]
        message = message or self.env._(texts.MESSAGES[code])
        self.outcomes[pos] = Outcome(code, item.id, item.reference, message)

    def refuse_details(self, pos):
        """Whether an item to be written lacks an address or carries a bad detail."""
        item, address = self.items[pos], self.addresses[pos]
        providers = self.limits.providers
        if not address:
            self.refuse(pos, outcomes.INVALID_FA)
        elif providers is not None and (
            address.fsp_code not in providers or address.number in self.foreign_ibans
        ):
            self.refuse(pos, outcomes.INVALID_FA, self.env._(texts.FOREIGN_PROVIDER))
        elif not validation.is_clean_text(item.name):
            self.refuse(pos, outcomes.INVALID_NAME)
        elif not validation.is_phone(item.phone):
            self.refuse(pos, outcomes.INVALID_PHONE)
        elif item.additional_info:
            info = validation.write_additional_info(item.additional_info)
            if info is None:
                self.refuse(pos, outcomes.REJECTED)
            else:
                self.infos[pos] = info
        return bool(self.outcomes[pos])

    def refuse_unreadable(self, pos, mapping_id):
        """Refuse an item whose mapping was changed outside of the registry."""
        _logger.error(
            "The content of mapping %s does not open: run the check of the ledger",
            mapping_id,
        )
        self.refuse(pos, outcomes.REJECTED, self.env._(texts.UNREADABLE))

    def accept(self, pos, mapping_id, opened_at):
        """Set the outcome of an item that is written or was so already."""
        item, address = self.items[pos], self.addresses[pos]
        self.outcomes[pos] = Outcome(
            outcomes.OK,
            item.id,
            item.reference,
            "",
            address.fa,
            address.number,
            address.masked,
            address.account_type,
            address.fsp_code,
            address.fsp_name,
            address.branch_code,
            address.branch_name,
            item.name or "",
            item.additional_info or [],
            _iso(opened_at),
            mapping_id,
        )

    def acknowledge(self, pos, row):
        """Set the outcome of an item that closes or marks the mapping ``row``."""
        item = self.items[pos]
        self.outcomes[pos] = Outcome(
            outcomes.OK,
            item.id,
            item.reference,
            masked=row.fa_masked,
            mapping_id=row.mapping_id,
        )

    # ------------------------------------------------------------------ reading

    def id_key_of(self, row):
        """The key by which this batch knows the ID of a stored ``row``."""
        return self.current_of.get(row.id_key, row.id_key)

    def fa_key_of(self, row):
        """The key by which this batch knows the account of a stored ``row``."""
        return self.current_of.get(row.fa_key, row.fa_key)

    def wanted_keys(self, keys):
        """``keys``, also as they were under older keys of the ring."""
        old = [old for old, current in self.current_of.items() if current in keys]
        return [*keys, *old]

    def lock_live(self):
        """Lock the live mappings of all acceptable items.

        :return: ``LiveRow`` by id_key
        """
        keys = {
            id_key
            for id_key, outcome in zip(self.id_keys, self.outcomes, strict=True)
            if id_key and not outcome
        }
        if not keys:
            return {}
        wanted = set(self.wanted_keys(keys))
        rows, contested = store.lock_all_live(self.env, wanted)
        self.contested = {self.current_of.get(key, key) for key in contested}
        return {self.id_key_of(row): row for row in rows}

    def find_older(self):
        """The id_keys of which a live mapping stands under an older key of the ring.
        The database's own check for one live mapping per ID does not see these."""
        if not self.old_key_ids:
            return set()
        keys = set(self.id_keys) - {None}
        old = [old for old, current in self.current_of.items() if current in keys]
        rows = store.find_live(self.env, old, (), False)
        return {self.id_key_of(row) for row in rows}

    def is_changeable(self, pos, row):
        """Whether ``row`` is a live mapping that may be changed; else refuse."""
        item, providers = self.items[pos], self.limits.providers
        if not row:
            self.refuse_missing(pos)
        elif row.state == "frozen":
            # a change would undo the freeze without anybody having lifted it
            self.refuse(pos, outcomes.INACTIVE)
        elif (
            providers is not None
            and row.fsp_code not in providers
            and not self._is_override(item, row)
        ):
            self.refuse(pos, outcomes.REJECTED, self.env._(texts.FOREIGN_MAPPING))
        return not self.outcomes[pos]

    def refuse_missing(self, pos):
        """Refuse an item that has no live mapping which this batch could lock."""
        is_contested = self.id_keys[pos] in self.contested
        self.refuse(pos, outcomes.RETRY if is_contested else outcomes.NOT_LINKED)

    def _is_override(self, item, row):
        """Whether ``item`` may take a mapping over from the provider it names."""
        return bool(
            self.limits.may_override
            and item.consent.strip()
            and row.fsp_code
            and item.current_provider == row.fsp_code
        )

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
        self.account_types, self.strategies = self.mapper._kinds()
        rows = store.find_live(
            self.env,
            self.wanted_keys(id_keys),
            self.wanted_keys(fa_keys),
            details,
            for_program=self.actor["channel"] == "api",
        )
        by_fa_key, id_types = {}, self.limits.id_types
        if fa_keys:
            for row in sorted(rows, key=lambda row: row.mapping_id):
                if id_types is None or row.id_type_id in id_types:
                    by_fa_key.setdefault(self.fa_key_of(row), []).append(row)
        return {self.id_key_of(row): row for row in rows}, by_fa_key

    @staticmethod
    def content_of(row):
        """The clear values of a stored row, or of one an earlier item opens.

        :raise SparIntegrityError: the row was changed outside of the registry
        """
        return row.content or open_content(
            row.mapping_id, row.id_key, row.fa_key, row.sealed
        )

    def tell_found(self, pos, item, rows):
        """Set the outcome of a resolve that found live mappings.

        Several rows only come from a look-up by account; then nothing that belongs to
        one of the persons is told.
        """
        if len(rows) > 1:
            rows = [row for row in rows if row.state == "active"] or rows[:1]
        row, is_one = rows[0], len(rows) == 1
        kept = row.content
        if row.state != "active":
            self.refuse(pos, outcomes.INACTIVE)
        elif item.scope != outcomes.DETAILS:
            self.outcomes[pos] = Outcome(outcomes.OK, item.id, item.reference)
        elif not kept:
            self.refuse_unreadable(pos, row.mapping_id)
        else:
            info = kept.additional_info
            self.outcomes[pos] = Outcome(
                outcomes.OK,
                item.id,
                item.reference,
                "",
                kept.fa,
                kept.number,
                row.masked,
                self.account_types.get(row.account_type_id, ""),
                row.fsp_code,
                row.fsp_name,
                row.branch_code,
                row.branch_name,
                kept.name if is_one else "",
                _from_json(info) if is_one and info else [],
                _iso_text(row.opened_at) if is_one and row.opened_at else "",
                row.mapping_id if is_one else 0,
                self.strategies.get(row.strategy_id, 0),
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
        """The period that an item opens, after the ``live`` one if there is one.

        :raise SparIntegrityError: the live row was changed outside of the registry
        """
        parsed, address = self.parsed[pos], self.addresses[pos]
        name, phone = item.name or "", item.phone or ""
        if live and not (name and phone):
            kept = self.content_of(live)
            name, phone = name or kept.name, phone or kept.phone
        info = self.infos.get(pos, "")
        columns = (
            parsed.id_type_id,
            address.account_type_id or None,
            address.strategy_id or None,
            address.fsp_id or None,
            address.fsp_code or None,
            address.branch_id or None,
            address.branch_code or None,
        )
        return PeriodRow(
            self.id_keys[pos],
            pos,
            parsed,
            parsed.masked,
            address,
            self.fa_keys[pos],
            address.fsp_name or address.fsp_code or None,
            Content(
                parsed.value,
                address.fa,
                address.number,
                name,
                phone,
                info,
                msgspec.Raw(encode(columns)),
            ),
            columns,
            item,
            live,
        )

    def is_change(self, row, live):
        """Whether the period ``row`` would differ from the ``live`` one.

        :raise SparIntegrityError: the live row was changed outside of the registry
        """
        branch_code = row.address.branch_code or None
        if row.fa_key != self.fa_key_of(live) or branch_code != live.branch_code:
            return True
        new, kept = row.content, self.content_of(live)
        return (new.name, new.phone) != (kept.name, kept.phone) or bool(
            new.additional_info
            and new.additional_info != kept.additional_info
            and _from_json(new.additional_info)
            != _from_json(kept.additional_info or "[]")
        )

    @staticmethod
    def as_live(row):
        """The live mapping that ``row`` will make, for later items of the batch."""
        address = row.address
        return LiveRow(
            mapping_id=None,
            id_key=row.id_key,
            fa_key=row.fa_key,
            id_masked=row.id_masked,
            branch_code=address.branch_code or None,
            sealed=None,
            state="active",
            opened_at=None,
            fa_masked=address.masked,
            head=None,
            provider=row.provider,
            fsp_code=address.fsp_code,
            content=row.content,
            pos=row.pos,
        )


def prepare_mark(row, item=None, pos=0):
    """What the ledger says about a period that is not replaced.

    :param LiveRow row: the locked period
    :param UnlinkItem item: who asked may have given references
    :param int pos: place of the item in its batch
    """
    reference, consent = (item.reference, item.consent) if item else ("", "")
    return MarkedRow(pos, row, reference or None, consent or None)


def actor_values(actor):
    """What the ledger keeps of an actor, by column."""
    return {
        "channel": actor.channel,
        "user_id": actor.user_id or None,
        "client_id": actor.client_id or None,
        "purpose": validation.clean_text(actor.purpose) or None,
        "transaction": validation.clean_text(actor.transaction) or None,
    }


_from_json = msgspec.json.Decoder().decode


def _iso_text(moment):
    """The same of a timestamp as the database writes it, e.g. 2026-01-31 10:00:00."""
    return f"{moment[:10]}T{moment[11:19]}Z"


@functools.lru_cache(maxsize=1024)  # rows of one batch have one moment
def _iso(moment):
    """A naive UTC datetime as ISO 8601 with zone."""
    return f"{moment.isoformat(timespec='seconds')}Z"
