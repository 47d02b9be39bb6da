# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from werkzeug.exceptions import RequestEntityTooLarge

from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..call import Call
from ..faults import ApiError
from ..g2p_connect import paths
from .dispatcher import G2PConnectDispatcher

_logger = logging.getLogger(__name__)

MAX_BODY = 10 * 1024 * 1024  # bytes
MAX_BODY_PARAMETER = "g2p_spar_mapper.max_body_bytes"


def _max_body(controller):
    """Bytes that are read of a request at most; more is refused before it is parsed."""
    parameters_sudo = request.env["ir.config_parameter"].with_user(SUPERUSER_ID)
    value = parameters_sudo.get_param(MAX_BODY_PARAMETER)
    try:
        return int(value) if value else MAX_BODY
    except ValueError:
        _logger.error("%s is not a number, using %s", MAX_BODY_PARAMETER, MAX_BODY)
        return MAX_BODY


class G2PConnectController(http.Controller):
    """The G2P-Connect mapper API."""

    @http.route(
        list(paths.ENDPOINTS),
        type=G2PConnectDispatcher.routing_type,
        auth="none",
        save_session=False,
        readonly=lambda controller, rule, args: paths.ENDPOINTS[rule.rule].readonly,
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
        return request.env["g2p.spar.gateway"]._serve(call)

    def _read_body(self):
        """:raise ApiError: longer than allowed"""
        http_request = request.httprequest
        too_long = ApiError(413, "The message is too long")
        try:
            body = http_request.get_data()
        except RequestEntityTooLarge:
            raise too_long from None
        # A body sent in chunks has no length beforehand and is cut at the limit.
        if (
            http_request.content_length is None
            and len(body) >= http_request.max_content_length
        ):
            raise too_long
        return body
