# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging
from typing import NamedTuple

import psycopg2

from odoo import api, models, tools

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparIntegrityError,
    SparRejectedError,
)

from .. import isolation, outcomes, store, texts
from ..batch import Batch, prepare_mark
from ..keyring import get_keyring

_logger = logging.getLogger(__name__)


class Kinds(NamedTuple):
    """Small tables that look-ups need at hand."""

    account_types: dict  #: id -> code
    strategies: dict  #: id -> number


class G2pSparMapper(models.AbstractModel):
    """The four verbs of the registry, on batches. The only way to change a mapping.

    A batch costs a constant number of SQL statements. Each item gets its own outcome;
    a bad item never harms the others. The caller has checked that the actor may do it.
    """

    _name = "g2p.spar.mapper"
    _description = "SPAR Mapper"

    # ------------------------------------------------------------------ verbs

    @api.model
    def _link(self, items, actor):
        """Link IDs that have no live mapping with an address each.

        Of equal IDs in one batch the first wins, the others are already linked.

        :param list[LinkItem] items:
        :param Actor actor:
        :rtype: list[Outcome]
        """
        batch = Batch(self, items, actor)
        taken = batch.find_older()
        groups = []
        for pos, item in enumerate(items):
            if batch.outcomes[pos] or batch.refuse_details(pos):
                continue
            if batch.id_keys[pos] in taken:
                batch.refuse(pos, outcomes.ALREADY_LINKED)
                continue
            taken.add(batch.id_keys[pos])
            groups.append([batch.prepare_row(pos, item)])
        written, faulty = self._write_groups(
            groups,
            lambda rows: store.write_periods(self.env, rows, "link", batch.actor),
        )
        for pos, outcome in enumerate(batch.outcomes):
            if outcome:
                continue
            if pos in written:
                batch.accept(pos, written[pos].mapping_id, written[pos].opened_at)
            else:
                code = outcomes.RETRY if pos in faulty else outcomes.ALREADY_LINKED
                batch.refuse(pos, code)
        return batch.outcomes

    @api.model
    def _update(self, items, actor):
        """Give IDs that have a live mapping another address, name or phone.

        Equal IDs in one batch are applied in order and each is recorded. An item that
        changes nothing is done without a new period. An empty name or phone keeps the
        one there is; additional information belongs to the address and is replaced.

        :param list[LinkItem] items:
        :param Actor actor:
        :rtype: list[Outcome]
        """
        batch = Batch(self, items, actor)
        live = batch.lock_live()
        is_repeating = len(set(batch.id_keys)) < len(items)
        chains = {}
        same = {}  # item that changes nothing -> the period it confirms
        for pos, item in enumerate(items):
            if batch.outcomes[pos] or batch.refuse_details(pos):
                continue
            id_key = batch.id_keys[pos]
            row = live.get(id_key)
            if not batch.is_changeable(pos, row):
                continue
            try:
                period = batch.prepare_row(pos, item, row)
                is_change = batch.is_change(period, row)
            except SparIntegrityError:
                batch.refuse_unreadable(pos, row.mapping_id)
                continue
            if not is_change:
                same[pos] = row
                continue
            chain = chains.setdefault(id_key, [])
            if chain:
                chain[-1].is_last = False
            chain.append(period)
            if is_repeating:  # a later item may go on from here
                live[id_key] = batch.as_live(period)
        written, faulty = self._write_groups(
            list(chains.values()),
            lambda rows: store.write_periods(self.env, rows, "update", batch.actor),
        )
        for pos, outcome in enumerate(batch.outcomes):
            if outcome:
                continue
            row = same.get(pos)
            done = written.get(row.pos if row and row.pos is not None else pos)
            if done:
                batch.accept(pos, done.mapping_id, done.opened_at)
            elif row and row.pos is None:
                batch.accept(pos, row.mapping_id, row.opened_at)
            else:
                batch.refuse(pos, outcomes.RETRY)
        return batch.outcomes

    @api.model
    def _unlink(self, items, actor):
        """Close the live mapping of IDs; the history stays.

        :param list[UnlinkItem] items: with an address only if it is the one linked
        :param Actor actor:
        :rtype: list[Outcome]
        """
        batch = Batch(self, items, actor._replace(strict=False))
        live = batch.lock_live()
        closing = {}
        for pos in range(len(items)):
            if batch.outcomes[pos]:
                continue
            row = live.get(batch.id_keys[pos])
            if not batch.is_changeable(pos, row):
                continue
            if batch.fa_keys[pos] and batch.fa_keys[pos] != batch.fa_key_of(row):
                batch.refuse(pos, outcomes.MISMATCH)
                continue
            closing[pos] = live.pop(batch.id_keys[pos])
        written, _faulty = self._write_groups(
            [[prepare_mark(row, items[pos], pos)] for pos, row in closing.items()],
            lambda rows: store.mark_periods(self.env, rows, "unlink", batch.actor),
        )
        for pos, row in closing.items():
            if pos in written:
                batch.acknowledge(pos, row)
            else:
                batch.refuse(pos, outcomes.RETRY)
        return batch.outcomes

    @api.model
    def _resolve(self, items, actor):
        """Look mappings up by ID, by address, or ask whether the two are a pair.

        Reads with one statement and writes nothing: it runs on a replica. The look-up
        is accounted for apart from it.

        :param list[ResolveItem] items:
        :param Actor actor:
        :rtype: list[Outcome]
        """
        batch = Batch(self, items, actor._replace(strict=False))
        by_id_key, by_fa_key = batch.find_live()
        for pos, item in enumerate(items):
            if batch.outcomes[pos]:
                continue
            id_key, fa_key = batch.id_keys[pos], batch.fa_keys[pos]
            if id_key:
                rows = (by_id_key[id_key],) if id_key in by_id_key else ()
            else:
                rows = by_fa_key.get(fa_key, ())
            if not rows:
                batch.refuse(pos, outcomes.NOT_LINKED)
            elif fa_key and batch.fa_key_of(rows[0]) != fa_key:
                batch.refuse(pos, outcomes.MISMATCH)
            else:
                batch.tell_found(pos, item, rows)
        batch.note_read()
        return batch.outcomes

    @api.model
    @tools.ormcache()
    def _kinds(self) -> Kinds:
        """What account types and address formats are called, archived ones included;
        these models drop the cache when they change."""
        account_types_sudo, strategies_sudo = (
            self.env[model].sudo().with_context(active_test=False).search([])
            for model in ("g2p.spar.account.type", "g2p.spar.strategy")
        )
        return Kinds(
            {account_type.id: account_type.code for account_type in account_types_sudo},
            {strategy.id: strategy.number for strategy in strategies_sudo},
        )

    # ------------------------------------------------------------------ keys

    @api.model
    def _lookup_key_ids(self):
        """The keys of the ring under which rows may stand: the one of this server, then
        others as long as rows are kept under them.

        :rtype: tuple[str]
        """
        return self.env["g2p.spar.key"]._lookup_key_ids()

    @api.model
    def _id_keys(self, wire_id):
        """The keyed hashes by which an ID is looked up, one for each key of the ring
        under which rows may stand; the first is the one new rows get.

        :param str wire_id: the ID as written
        :raise SparRejectedError: not an acceptable ID
        :rtype: list[str]
        """
        id_types = self.env["g2p.spar.id.type"]
        parsed = id_types._parse_ids([wire_id], strict=False)[0]
        if not parsed:
            message = self.env._(texts.MESSAGES[outcomes.INVALID_ID])
            raise SparRejectedError(message, outcomes.INVALID_ID)
        return [id_types._keys([parsed], key)[0] for key in self._lookup_key_ids()]

    @api.model
    def _id_key(self, wire_id):
        """The keyed hash of an ID as new rows get it: see :meth:`_id_keys`."""
        return self._id_keys(wire_id)[0]

    @api.model
    def _fa_keys(self, addresses, key_id=None):
        """The keyed hashes of accounts: same account, same key, whatever names the
        directory gives and whichever branch is named beside the number.

        :param list[Address] addresses:
        :param str key_id: key of the ring; by default the current one
        :rtype: list[str]
        """
        values = [
            ("account", address.account_type, address.fsp_code, address.number)
            if address.account_type
            else ("address", address.fa)
            for address in addresses
        ]
        return get_keyring().digest_many(values, key_id)

    # ------------------------------------------------------------------ helpers

    @api.model
    def _write_groups(self, groups, write):
        """Write all groups at once; if the database refuses some of them, find those
        by halving and write the others.

        Operational faults (serialization, deadlock, lost connection) are not caught:
        the request is run again as a whole.

        :param list[list[NamedTuple]] groups: rows that stand or fall together
        :param write: writes a list of rows, gives a list of ``WrittenRow``
        :return: ``WrittenRow`` by place in the batch, and the places of faulty rows
        """
        if not groups:
            return {}, set()
        rows = [row for group in groups for row in group]
        try:
            written = self._write_rows(rows, write)
        except (psycopg2.IntegrityError, psycopg2.DataError) as err:
            if len(groups) == 1:
                # the text of the error quotes values, which do not belong in a log
                _logger.error(
                    "The database refused one item: SQLSTATE %s, constraint %s",
                    err.pgcode,
                    err.diag.constraint_name,
                )
                return {}, {row.pos for row in rows}
            middle = len(groups) // 2
            left, left_faulty = self._write_groups(groups[:middle], write)
            right, right_faulty = self._write_groups(groups[middle:], write)
            return left | right, left_faulty | right_faulty
        self.env["g2p.spar.mapping"].invalidate_model(flush=False)
        return {row.pos: row for row in written}, set()

    @api.model
    def _write_rows(self, rows, write):
        """Write rows, all or none. While somebody else links an ID that is to be
        linked, wait and look again which of them are free.

        :raise psycopg2.errors.SerializationFailure: others keep linking them, or this
            transaction cannot see that they did
        """
        for _round in range(store.MAX_ROUNDS):
            try:
                with self.env.cr.savepoint(flush=False):
                    return write(rows)
            except psycopg2.errors.UniqueViolation as err:
                # nobody takes what is locked: there were two live mappings before
                is_locked = bool(rows[0].live)
                if is_locked or err.diag.constraint_name != store.LIVE_INDEX:
                    raise
            if not isolation.sees_commits(self.env.cr):
                break
        return store.lose_race(self.env)
