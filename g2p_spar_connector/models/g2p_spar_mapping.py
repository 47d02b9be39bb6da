# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError


class SparMapping(models.Model):
    _inherit = "g2p.spar.mapping"

    change_count = fields.Integer("Changes", compute="_compute_change_count")

    def _compute_change_count(self):
        changes = self.env["g2p.spar.change"]
        for mapping in self:
            try:
                mapping.change_count = len(changes._for_id(mapping._get_wire_id()))
            except SparError:  # unreadable, or its type takes no such IDs any more
                mapping.change_count = 0

    def action_open_changes(self):
        """All changes of the same ID that the user may see."""
        self.ensure_one()
        self.check_access("read")
        changes = self.env["g2p.spar.change"]._for_id(self._get_wire_id())
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Changes of %s", self.display_name),
            "res_model": changes._name,
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", changes.ids)],
        }
