# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError

from .. import outcomes, store, validation
from ..batch import Batch, actor_values, prepare_mark


class G2pSparMapper(models.AbstractModel):
    """What staff do with a mapping beside the four verbs: stop paying to it, allow it
    again, look at its clear values. Each leaves its row, with a reason."""

    _inherit = "g2p.spar.mapper"

    @api.model
    def _freeze(self, items, actor, reason):
        """Stop payments to the accounts of IDs: they resolve as inactive and can not
        be changed until they are restored. One that is frozen already stays so.

        :param list[UnlinkItem] items: with an address only if it is the one linked
        :param Actor actor:
        :param str reason: why, in the words of the person who wants it
        :raise SparRejectedError: no reason
        :rtype: list[Outcome]
        """
        return self._set_state(items, actor, reason, "freeze", "frozen")

    @api.model
    def _restore(self, items, actor, reason):
        """Allow payments to frozen accounts again: see :meth:`_freeze`."""
        return self._set_state(items, actor, reason, "restore", "active")

    @api.model
    def _set_state(self, items, actor, reason, verb, state):
        reason = self._check_reason(reason)
        batch = Batch(self, items, actor._replace(strict=False))
        live = batch.lock_live()
        marked = {}
        for pos in range(len(items)):
            if batch.outcomes[pos]:
                continue
            row = live.get(batch.id_keys[pos])
            if not row:
                batch.refuse_missing(pos)
            elif batch.fa_keys[pos] and batch.fa_keys[pos] != batch.fa_key_of(row):
                batch.refuse(pos, outcomes.MISMATCH)
            else:
                batch.acknowledge(pos, row)
                if row.state != state:
                    marked[pos] = live[batch.id_keys[pos]] = row._replace(state=state)
        written, _faulty = self._write_groups(
            [[prepare_mark(row, items[pos], pos)] for pos, row in marked.items()],
            lambda rows: store.mark_periods(self.env, rows, verb, batch.actor, reason),
        )
        for pos in marked.keys() - written.keys():
            batch.refuse(pos, outcomes.RETRY)
        return batch.outcomes

    @api.model
    def _record_reveal(self, mapping, actor, reason):
        """Write into the ledger that somebody is shown the clear values of a mapping.

        The caller has checked the right to see them and shows them after this.

        :param mapping: one record of ``g2p.spar.mapping``, live or past
        :param Actor actor:
        :param str reason: why, in the words of the person who looks
        :raise SparRejectedError: no such mapping, or no reason
        """
        reason = self._check_reason(reason)
        rows = store.lock_periods(self.env, mapping.ids)
        if len(rows) != 1:
            raise SparRejectedError(self.env._("Choose one mapping."))
        marks = [prepare_mark(row) for row in rows]
        store.mark_periods(self.env, marks, "reveal", actor_values(actor), reason)
        self.env["g2p.spar.mapping"].invalidate_model(flush=False)

    @api.model
    def _check_reason(self, reason):
        reason = validation.clean_text(reason).strip()
        if not reason:
            raise SparRejectedError(self.env._("Please give a reason."))
        return reason
