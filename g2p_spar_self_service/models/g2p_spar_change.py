# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models


class SparChange(models.Model):
    """Keeps which version of the sentence a person in the portal agreed to."""

    _inherit = "g2p.spar.change"

    consent_version = fields.Char(readonly=True)

    def _submit(self, *args, consent=None, **kwargs):
        """Override: ``consent`` may name the ``version`` of its text."""
        change = super()._submit(*args, consent=consent, **kwargs)
        if consent and consent.get("version"):
            change.consent_version = consent["version"]
        return change
