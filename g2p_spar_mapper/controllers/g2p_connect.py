# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from werkzeug.exceptions import RequestEntityTooLarge

from odoo import SUPERUSER_ID, http
from odoo.http import request

from .. import replica
from ..call import Call
from ..carriage import too_long
from ..g2p_connect import paths
from .dispatcher import G2PConnectDispatcher


def _max_body(controller):
    return request.env["g2p.spar.gateway"].with_user(SUPERUSER_ID)._max_body()


def _is_readonly(controller, rule, args):
    """Odoo would take the replica for the whole call. We only look mappings up there:
    a suspended client is refused at once, however far the replica lags."""
    return paths.ENDPOINTS[rule.rule].readonly and not replica.is_configured()


class G2PConnectController(http.Controller):
    """The G2P-Connect mapper API."""

    @http.route(
        list(paths.ENDPOINTS),
        type=G2PConnectDispatcher.routing_type,
        auth="none",
        save_session=False,
        readonly=_is_readonly,
        max_content_length=_max_body,
    )
    def serve(self):
        """Read the body and let the gateway answer."""
        http_request = request.httprequest
        endpoint = paths.ENDPOINTS[http_request.path.rstrip("/")]
        call = Call(
            endpoint.operation,
            self._read_body(),
            http_request.remote_addr,
            endpoint.is_async,
            authorization=http_request.headers.get("Authorization", ""),
            signature=http_request.headers.get("Signature", ""),
        )
        # No user stands behind an API call. English: programs read the texts.
        request.update_env(user=SUPERUSER_ID, context={"lang": "en_US"})
        if replica.is_configured():  # Odoo has asked the replica what has changed
            with request.env.registry.cursor() as cr:
                request.env.registry.check_signaling(cr)
        return request.env["g2p.spar.gateway"]._serve(call)

    def _read_body(self):
        """:raise ApiError: longer than allowed"""
        http_request = request.httprequest
        try:
            body = http_request.get_data()
        except RequestEntityTooLarge:
            raise too_long() from None
        # A body sent in chunks has no length beforehand and is cut at the limit.
        if (
            http_request.content_length is None
            and len(body) >= http_request.max_content_length
        ):
            raise too_long()
        return body
