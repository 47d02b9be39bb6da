# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models


class SparMappingForm(models.AbstractModel):
    """A form about one mapping, for those who may read that mapping.

    Whoever reads a form reads the name of its mapping, too. That is computed with all
    rights and brings the whole row into the cache, from where related fields take what
    they show without a check. So a form about a foreign mapping must not come to be.
    """

    _name = "g2p.spar.mapping.form"
    _description = "SPAR Form about a Mapping"
    _inherit = ["g2p.spar.typed.text"]

    mapping_id = fields.Many2one("g2p.spar.mapping", readonly=True)

    @api.onchange("mapping_id")
    def _onchange_mapping_id(self):
        self._check_mapping()

    @api.model_create_multi
    def create(self, vals_list):
        forms = super().create(vals_list)
        forms._check_mapping()
        return forms

    def write(self, vals):
        result = super().write(vals)
        self._check_mapping()
        return result

    def _check_mapping(self):
        """:raise AccessError: a mapping that this user may not read"""
        if self.mapping_id:
            self.mapping_id.check_access("read")
