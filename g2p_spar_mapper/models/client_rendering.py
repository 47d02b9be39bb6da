# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.g2p_spar_bank_directory import grammar

from ..rendering import Rendering


class G2pSparClientRendering(models.Model):
    """In which form a client gets the addresses of one account type."""

    _name = "g2p.spar.client.rendering"
    _description = "SPAR API Client Address Form"
    _inherit = ["g2p.spar.cached"]
    _order = "client_id, account_type_id"
    _rec_name = "account_type_id"

    client_id = fields.Many2one(
        "g2p.spar.client", required=True, index=True, ondelete="cascade"
    )
    account_type_id = fields.Many2one(
        "g2p.spar.account.type", required=True, ondelete="cascade"
    )
    strategy_id = fields.Many2one(
        "g2p.spar.strategy",
        string="Address format",
        required=True,
        ondelete="restrict",
        domain="[('account_type_id', '=', account_type_id), ('state', '=', 'active'), "
        "('kind', '=', 'fa')]",
        help="The client gets addresses in this format when it looks them up. An "
        "address that cannot be written in it comes as it is stored.",
    )
    sample_text = fields.Char(related="strategy_id.sample_text")

    _account_type_uniq = models.Constraint(
        "UNIQUE (client_id, account_type_id)",
        "A client gets each account type in one format.",
    )

    @api.constrains("account_type_id", "strategy_id")
    def _check_strategy(self):
        for rendering in self:
            strategy = rendering.strategy_id
            if (
                strategy.account_type_id != rendering.account_type_id
                or strategy.state != "active"
            ):
                raise ValidationError(
                    self.env._(
                        "“%(format)s” is no active address format of the account "
                        "type “%(type)s”.",
                        format=strategy.name,
                        type=rendering.account_type_id.name,
                    )
                )

    def _prepare_renderings(self):
        """What is rewritten when the client looks addresses up.

        A format that was retired since is no longer written.

        :return: code of the account type -> :class:`Rendering`
        """
        renderings = {}
        for rendering in self:
            strategy = rendering.strategy_id
            if strategy.state != "active":
                continue
            account_type = rendering.account_type_id
            renderings[account_type.code] = Rendering(
                strategy.number,
                *grammar.split_template(strategy.construct_template),
                compiled=re.compile(strategy.pattern),
                fa_type=strategy.fa_type or account_type.wire_fa_type,
            )
        return renderings
