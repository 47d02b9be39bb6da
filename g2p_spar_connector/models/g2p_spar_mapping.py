# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models


class SparMapping(models.Model):
    _inherit = "g2p.spar.mapping"

    change_count = fields.Integer("Changes", compute="_compute_change_count")

    def _compute_change_count(self):
        # sudo: the keyed hash joins the two and is shown to nobody
        keys = {mapping.id: mapping.id_key for mapping in self.sudo()}
        counts = dict(
            self.env["g2p.spar.change"]
            .sudo()
            ._read_group(
                [("id_key", "in", list(keys.values()))], ["id_key"], ["__count"]
            )
        )
        for mapping in self:
            mapping.change_count = counts.get(keys.get(mapping.id), 0)

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
