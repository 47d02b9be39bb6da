# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models
from odoo.exceptions import UserError

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError

from ..outcomes import OK, Actor, UnlinkItem
from ..validation import MAX_TEXT


class G2pSparFreezeWizard(models.TransientModel):
    """Asks an officer for the reason and freezes or restores a mapping."""

    _name = "g2p.spar.freeze.wizard"
    _inherit = ["g2p.spar.mapping.form"]
    _description = "Freeze or Restore an Account"

    mapping_id = fields.Many2one(required=True, ondelete="cascade")
    account = fields.Char(related="mapping_id.fa_masked")
    state = fields.Selection(related="mapping_id.state")
    reason = fields.Char(
        required=True,
        size=MAX_TEXT,
        help="Kept in the ledger for good. Do not write IDs or account numbers here.",
    )

    def action_freeze(self):
        """Freeze the mapping; one that somebody else has frozen by now stays so."""
        return self._decide(is_freeze=True)

    def action_restore(self):
        """Restore the mapping; one that somebody else has restored stays so."""
        return self._decide(is_freeze=False)

    def _decide(self, is_freeze):
        """Do what the button said, in whatever state the mapping is by now."""
        self.ensure_one()
        self.check_access("read")
        self._check_mapping()
        # sudo: the service writes for whoever the caller let in
        mapper = self.env["g2p.spar.mapper"].sudo()
        verb = mapper._freeze if is_freeze else mapper._restore
        actor = Actor("staff", self.env.uid, purpose=self.env._("Officer's decision"))
        try:
            # with the address: a mapping that was replaced meanwhile is left alone
            content = self.mapping_id._get_content()
            item = UnlinkItem(self.mapping_id._get_wire_id(), content.fa)
            outcome = verb([item], actor, self.reason)[0]
        except SparError as err:
            raise UserError(err.message) from err
        if outcome.code != OK:
            raise UserError(outcome.message)
        return {"type": "ir.actions.act_window_close"}
