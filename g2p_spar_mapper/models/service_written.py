# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models
from odoo.exceptions import AccessError


class G2pSparServiceWritten(models.AbstractModel):
    """Rows that only the mapper service writes, by SQL.

    Nobody creates, changes or deletes them through the ORM, not even the superuser:
    every change has to leave its row in the ledger.
    """

    _name = "g2p.spar.service.written"
    _description = "Written by the SPAR mapper only"
    _allow_sudo_commands = False

    @api.model
    def _refuse_direct_change(self):
        raise AccessError(
            self.env._(
                "%s records change only through the mapper, which keeps the ledger.",
                self._description,
            )
        )

    @api.model_create_multi
    def create(self, vals_list):
        self._refuse_direct_change()
        return super().create(vals_list)

    def write(self, vals):
        self._refuse_direct_change()
        return super().write(vals)

    @api.ondelete(at_uninstall=True)
    def _unlink_never(self):
        self._refuse_direct_change()
