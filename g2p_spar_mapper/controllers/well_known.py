# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..faults import unavailable
from .dispatcher import json_response


class WellKnownController(http.Controller):
    """What everybody may know of this registry."""

    @http.route(
        "/.well-known/jwks.json",
        type="http",
        auth="none",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def jwks(self):
        """The public keys that verify our answers and call-backs."""
        if not request.db:  # it is away, or does not start with this key file
            fault = unavailable()
            return json_response(fault.body, fault.status, fault.headers)
        keys = request.env["g2p.spar.signing.key"].with_user(SUPERUSER_ID)
        return request.make_response(
            keys._jwks(),
            [("Content-Type", "application/json"), ("Cache-Control", "max-age=300")],
        )
