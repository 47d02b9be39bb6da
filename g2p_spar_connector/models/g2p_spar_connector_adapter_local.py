# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models

from ..capabilities import Capabilities


class SparConnector(models.Model):
    _inherit = "g2p.spar.connector"

    adapter = fields.Selection(
        selection_add=[("local", "This registry")], ondelete={"local": "set default"}
    )


class SparConnectorAdapterLocal(models.AbstractModel):
    """The mapper of this database: the same transaction and the same outcomes."""

    _name = "g2p.spar.connector.adapter.local"
    _inherit = "g2p.spar.connector.adapter"
    _description = "SPAR Adapter: This Registry"

    def _capabilities(self, connector):
        return Capabilities(in_transaction=True)

    def _link(self, connector, items, actor):
        return self.env["g2p.spar.mapper"]._link(items, actor)

    def _update(self, connector, items, actor):
        return self.env["g2p.spar.mapper"]._update(items, actor)

    def _unlink(self, connector, items, actor):
        return self.env["g2p.spar.mapper"]._unlink(items, actor)

    def _resolve(self, connector, items, actor):
        return self.env["g2p.spar.mapper"]._resolve(items, actor)

    def _check(self, connector):
        live = (
            self.env["g2p.spar.mapping"]
            .sudo()
            .search_count([("state", "=", "active")], limit=1)
        )
        if live:
            return self.env._("The registry of this database is ready.")
        return self.env._("The registry of this database is ready and still empty.")
