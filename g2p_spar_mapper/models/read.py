# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models

from ..lean_many2one import LeanMany2one
from ..triggers import keep_rows
from .mapping import CHANNELS


class G2pSparRead(models.Model):
    """One look-up: who asked for how many IDs, when, through which door and for what.

    Append-only. It names no ID; the digest says whether two look-ups asked for the same
    ones in the same order. Written by ``reads``.
    """

    _name = "g2p.spar.read"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Look-up"
    _order = "id desc"
    _log_access = False
    _rec_name = "at"

    at = fields.Datetime("When", required=True, index=True)
    channel = fields.Selection(CHANNELS, required=True)
    client_id = LeanMany2one("g2p.spar.client", "API client", ondelete="restrict")
    user_id = LeanMany2one("res.users", ondelete="restrict")
    actor_name = fields.Char("Who", compute="_compute_actor_name", compute_sudo=True)
    purpose = fields.Char()
    transaction = fields.Char(help="The caller's transaction or change reference.")
    scope = fields.Selection(
        [("yes_no", "Whether there is an account"), ("details", "The account")],
        "What",
        required=True,
    )
    id_count = fields.Integer("IDs asked for", required=True)
    found_count = fields.Integer("Accounts found", required=True)
    digest = fields.Char(
        required=True,
        help="The same for look-ups of the same IDs in the same order; no ID can be "
        "read from it.",
    )

    def init(self):
        keep_rows(self, ("UPDATE", "DELETE"))

    def _compute_actor_name(self):
        for read in self:
            read.actor_name = read.client_id.name or read.user_id.name
