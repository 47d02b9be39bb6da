# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models
from odoo.exceptions import UserError


class G2pSparDirectoryMixin(models.AbstractModel):
    """Entries that mappings refer to keep what addresses name them by.

    They cannot be deleted either (``LeanMany2one``).
    """

    _inherit = "g2p.spar.directory.mixin"

    _mapping_field = ""  #: field of ``g2p.spar.mapping`` that refers to such an entry

    def write(self, vals):
        """Override: see :meth:`_check_unused`."""
        self.check_access("write")
        names = [name for name in ("code", "fsp_id") if name in vals]
        for entry in self if names else ():
            before = entry._convert_to_write({name: entry[name] for name in names})
            if any(vals[name] != before[name] for name in names):
                entry._check_unused()
        return super().write(vals)

    def _check_unused(self):
        """:raise UserError: money to linked accounts would go nowhere or elsewhere"""
        # sudo: stewards see no mappings, and learn only whether there is one
        mappings_sudo = self.env["g2p.spar.mapping"].sudo()
        if mappings_sudo.search_count([(self._mapping_field, "=", self.id)], limit=1):
            raise UserError(
                self.env._(
                    "Accounts at “%s” are linked by its code, which has to stay. "
                    "Archive the entry and make a new one instead.",
                    self.display_name,
                )
            )


class G2pSparFsp(models.Model):
    """Providers are part of what API clients may do (``ClientData.limits``)."""

    _inherit = "g2p.spar.fsp"
    _mapping_field = "fsp_id"

    def write(self, vals):
        """Override: clients are limited by code, so all workers read them anew."""
        result = super().write(vals)
        if "code" in vals:
            self.env.registry.clear_cache()
        return result


class G2pSparFspBranch(models.Model):
    _inherit = "g2p.spar.fsp.branch"
    _mapping_field = "branch_id"
