# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models


class SparCached(models.AbstractModel):
    """Configuration that every worker keeps in memory (``ormcache``).

    Each change makes all workers read it anew at their next request: a suspended API
    client, say, is refused at once. The cache is cleared after the change, or it could
    be filled again with what was before.
    """

    _name = "g2p.spar.cached"
    _description = "SPAR Cached Configuration"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        self.env.registry.clear_cache()
        return records

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result
