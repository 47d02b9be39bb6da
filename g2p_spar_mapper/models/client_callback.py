# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .. import callbacks, parameters


class G2pSparClient(models.Model):
    """Where the results of a client's asynchronous calls may be sent."""

    _inherit = "g2p.spar.client"

    callback_allowed = fields.Text(
        "Allowed call-back addresses",
        tracking=True,
        help="Messages may name one of these addresses, or one beneath it, as "
        "sender_uri. One address per line, for example https://pay.example.org/spar. "
        "The call-back address is allowed without being named here.",
    )

    @api.constrains("callback_url", "callback_allowed", "state")
    def _check_callbacks(self):
        for client in self:
            allowed = client._allowed_callbacks()
            if any(not callbacks.parse(url) for url in allowed):
                raise ValidationError(
                    self.env._(
                        "Call-backs: write each address like "
                        "https://pay.example.org/spar, without user, query and "
                        "special characters."
                    )
                )
            if not client._is_http_allowed() and any(
                callbacks.parse(url)[0] != "https" for url in allowed
            ):
                raise ValidationError(
                    self.env._(
                        "Call-backs carry account data: the address has to begin with "
                        "https:// unless the client is in test."
                    )
                )

    def _allowed_callbacks(self):
        """:rtype: list[str]"""
        self.ensure_one()
        lines = [self.callback_url or "", *(self.callback_allowed or "").splitlines()]
        return [line.strip() for line in lines if line.strip()]

    def _is_http_allowed(self):
        """Whether results may be sent in the clear."""
        self.ensure_one()
        return self.state == "test" or parameters.switch(self.env, "callback_http")

    def _prepare_data(self):
        """Override: add where results may be sent."""
        return (
            super()
            ._prepare_data()
            ._replace(callback_allowed=tuple(self._allowed_callbacks()))
        )
