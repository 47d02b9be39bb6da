# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models


class G2pSparFsp(models.Model):
    """Providers are part of what API clients may do (``ClientData.limits``)."""

    _inherit = "g2p.spar.fsp"

    def write(self, vals):
        """Override: clients are limited by code, so all workers read them anew."""
        result = super().write(vals)
        if "code" in vals:
            self.env.registry.clear_cache()
        return result
