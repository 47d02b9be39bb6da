# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from werkzeug.exceptions import RequestEntityTooLarge

from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..call import Call
from ..faults import ApiError
from ..g2p_connect import messages
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


def _route(verb, readonly):
    return http.route(
        [f"/mapper/sync/{verb}", f"/sync/{verb}"],
        type=G2PConnectDispatcher.routing_type,
        auth="none",
        save_session=False,
        readonly=readonly,
        max_content_length=_max_body,
    )


class G2PConnectController(http.Controller):
    """The G2P-Connect mapper API: link, update, unlink and resolve, synchronous."""

    @_route(messages.LINK, readonly=False)
    def sync_link(self):
        return self._answer(messages.LINK)

    @_route(messages.UPDATE, readonly=False)
    def sync_update(self):
        return self._answer(messages.UPDATE)

    @_route(messages.UNLINK, readonly=False)
    def sync_unlink(self):
        return self._answer(messages.UNLINK)

    @_route(messages.RESOLVE, readonly=True)
    def sync_resolve(self):
        return self._answer(messages.RESOLVE)

    def _answer(self, operation):
        """Read the body and let the gateway answer."""
        http_request = request.httprequest
        call = Call(
            operation,
            self._read_body(),
            http_request.remote_addr,
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
