# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from typing import NamedTuple

from odoo import api, models

from .. import outcomes, reads, store
from ..batch import Batch
from ..import_live import read_contents
from ..outcomes import YES_NO, ResolveItem

NEW, CHANGED, SAME = "new", "changed", "same"


class Preview(NamedTuple):
    """What a link or update of one item would do."""

    code: str  #: ``new``, ``changed``, ``same``, or the outcome of a refusal
    id_key: str | None = None
    fa_key: str | None = None
    mapping_id: int = 0  #: the live mapping there is
    error: object = None  #: the ``AddressError`` of a refused address


class G2pSparMapper(models.AbstractModel):
    _inherit = "g2p.spar.mapper"

    @api.model
    def _preview(self, items, actor):
        """Say what linking or updating would do; no mapping is written or locked.

        The answers tell who has an account, so they are accounted for as a look-up.

        :param list[LinkItem] items:
        :param Actor actor:
        :raise SparTransientError: it cannot be accounted for now
        :rtype: list[Preview]
        """
        batch = Batch(self, items, actor)
        wanted = [
            pos
            for pos in range(len(items))
            if not batch.outcomes[pos] and not batch.refuse_details(pos)
        ]
        keys = batch.wanted_keys({batch.id_keys[pos] for pos in wanted})
        rows = store.find_live(self.env, keys, (), False) if keys else []
        live = {batch.id_key_of(row): row for row in rows}
        contents = read_contents(self.env, [row.mapping_id for row in rows])
        self._note_preview(batch, wanted, live)
        result = [self._preview_refused(batch, pos) for pos in range(len(items))]
        for pos in wanted:
            row = live.get(batch.id_keys[pos])
            content = row and contents.get(row.mapping_id)
            result[pos] = Preview(
                self._preview_code(batch, pos, row, content),
                batch.id_keys[pos],
                batch.fa_keys[pos],
                row.mapping_id if row else 0,
            )
        return result

    @api.model
    def _note_preview(self, batch, wanted, live):
        if not wanted:
            return
        id_keys = [batch.id_keys[pos] for pos in wanted]
        reads.note(
            self.env.cr.dbname,
            batch.actor,
            [ResolveItem(batch.items[pos].id, scope=YES_NO) for pos in wanted],
            id_keys,
            sum(id_key in live for id_key in id_keys),
        )

    @api.model
    def _preview_refused(self, batch, pos):
        outcome = batch.outcomes[pos]
        error = None
        if outcome and outcome.code == outcomes.INVALID_FA:
            error = batch.addresses[pos]
        return Preview(outcome.code if outcome else "", error=error)

    @api.model
    def _preview_code(self, batch, pos, row, content):
        if not row:
            return NEW
        if row.state == "frozen":
            return outcomes.INACTIVE
        if not content:
            return outcomes.REJECTED
        item, address = batch.items[pos], batch.addresses[pos]
        is_same = (
            batch.fa_key_of(row) == batch.fa_keys[pos]
            and (content.branch_code or "") == (address.branch_code or "")
            and (not item.name or item.name == content.name)
            and (not item.phone or item.phone == content.phone)
        )
        return SAME if is_same else CHANGED
