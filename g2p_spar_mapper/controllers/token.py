# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from werkzeug.exceptions import RequestEntityTooLarge

from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..call import Call
from ..carriage import too_long
from ..models.token import MAX_BODY
from .dispatcher import TokenDispatcher


class TokenController(http.Controller):
    """Secrets of API clients become tokens."""

    @http.route(
        "/oauth2/client/token",
        type=TokenDispatcher.routing_type,
        auth="none",
        save_session=False,
        readonly=True,
        max_content_length=MAX_BODY + 1,
    )
    def token(self):
        """Read the form and let the service answer."""
        http_request = request.httprequest
        try:
            body = http_request.get_data()
        except RequestEntityTooLarge:
            raise too_long() from None
        # No user stands behind an API call. English: programs read the texts.
        request.update_env(user=SUPERUSER_ID, context={"lang": "en_US"})
        call = Call(
            "token",
            body,
            http_request.remote_addr,
            authorization=http_request.headers.get("Authorization", ""),
        )
        return request.env["g2p.spar.token"]._serve(call)
