# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How requests to the API enter and how faults leave, in one place.

Odoo's own ``http`` dispatcher parses forms, logs unexpected arguments and answers
faults with HTML pages. Here the body is left to the controller, and every fault becomes
``{"errors": [{"code", "message"}]}``. Faults are translated only after Odoo's
``retrying`` has rolled back, and repeated what can be repeated.
"""

import logging
from urllib.parse import urlsplit

from odoo import http

from ..carriage import FORM_MIMETYPE, MIMETYPE, check_request, response_headers
from ..faults import ApiError, translate, unavailable


def json_response(body, status=200, headers=None):
    """A response as every carrier of the API gives it."""
    return http.Response(body, status=status, headers=response_headers(headers or {}))


class G2PConnectDispatcher(http.Dispatcher):
    """Serves routes of type ``g2p_connect``; they return a ``Reply``."""

    routing_type = "g2p_connect"
    mimetypes = (MIMETYPE,)

    @classmethod
    def is_compatible_with(cls, request):
        return True  # a wrong content type is answered by dispatch()

    def pre_dispatch(self, rule, args):
        if not self.request.db:  # dispatch() says so
            return None
        return super().pre_dispatch(rule, args)

    def dispatch(self, endpoint, args):
        self._check_address(endpoint)
        self._check_request()
        # The query string is no part of the protocol and is not read.
        self.request.params = dict(args)
        reply = self.request.registry["ir.http"]._dispatch(endpoint)
        return json_response(reply.body, headers=reply.headers)

    def _check_address(self, endpoint):
        """Odoo serves a route behind the prefix of a language and with a second slash,
        too. Who guards the API by the beginning of its addresses knows none of these.

        :raise ApiError: 404
        """
        http_request = self.request.httprequest
        asked = http_request.environ.get("REQUEST_URI") or http_request.path
        asked = asked.partition("?")[0]
        if "://" in asked:
            asked = urlsplit(asked).path
        if asked.removesuffix("/") not in endpoint.routing["routes"]:
            raise ApiError(404, "Nothing is served here")

    def _check_request(self):
        http_request = self.request.httprequest
        check_request(
            http_request.method, http_request.mimetype, needed=self.mimetypes[0]
        )
        if not self.request.db:
            raise unavailable()

    def handle_error(self, exc):
        fault = translate(exc)
        # Odoo logs an exception with its text, and that may name a person; the level
        # NOTSET is beneath every threshold. What is needed, _translate() has logged.
        exc.loglevel = logging.NOTSET
        return json_response(fault.body, fault.status, fault.headers)


class TokenDispatcher(G2PConnectDispatcher):
    """Serves routes of type ``spar_token``: the body is a form."""

    routing_type = "spar_token"
    mimetypes = (FORM_MIMETYPE,)
