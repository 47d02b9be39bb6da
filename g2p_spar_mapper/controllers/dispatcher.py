# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How requests to the API enter and how faults leave, in one place.

Odoo's own ``http`` dispatcher parses forms, logs unexpected arguments and answers
faults with HTML pages. Here the body is left to the controller, and every fault becomes
``{"errors": [{"code", "message"}]}``. Faults are translated only after Odoo's
``retrying`` has rolled back, and repeated what can be repeated.
"""

import logging
import traceback

import psycopg2
from psycopg2.pool import PoolError
from werkzeug.exceptions import HTTPException

from odoo import http
from odoo.exceptions import ConcurrencyError

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparSecurityError,
    SparTransientError,
)

from ..g2p_connect import messages

_logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds
_FORBIDDEN = "err.request.forbidden"
_PASSING = (
    ConcurrencyError,
    PoolError,
    SparTransientError,
    psycopg2.InterfaceError,
    psycopg2.OperationalError,
)
_CODES = {
    401: "err.request.unauthorized",
    403: _FORBIDDEN,
    404: "err.request.not_found",
    408: "err.request.timeout",
    429: "err.request.too_many_requests",
    500: "err.service.unavailable",
    503: "err.service.unavailable",
}


class ApiError(HTTPException):
    """A fault of a whole request, as the caller shall see it.

    :param int status: HTTP status
    :param str message: a sentence without personal data
    :param str code: ``err.*`` code of the protocol; by default the status tells
    :param dict headers: further HTTP headers
    """

    def __init__(self, status, message, code=None, headers=None):
        super().__init__(message)
        self.code = status
        self.errors = [
            {"code": code or _CODES.get(status, "err.request.bad"), "message": message}
        ]
        self.headers = headers or {}

    def get_response(self, environ=None, scope=None):
        body = messages.encode({"errors": self.errors})
        return json_response(body, status=self.code, headers=self.headers)


def json_response(body, status=200, headers=None):
    """A response that no cache keeps, for it may hold personal data."""
    headers = {"Cache-Control": "no-store"} | (headers or {})
    return http.Response(
        body, status=status, headers=headers, mimetype="application/json"
    )


class G2PConnectDispatcher(http.Dispatcher):
    """Serves routes of type ``g2p_connect``; they return an answer's JSON as bytes."""

    routing_type = "g2p_connect"
    mimetypes = ("application/json",)

    @classmethod
    def is_compatible_with(cls, request):
        return True  # a wrong content type is answered by dispatch()

    def pre_dispatch(self, rule, args):
        if not self.request.db:  # dispatch() says so
            return None
        return super().pre_dispatch(rule, args)

    def dispatch(self, endpoint, args):
        self._check_request()
        # The query string is no part of the protocol and is not read.
        self.request.params = dict(args)
        body = self.request.registry["ir.http"]._dispatch(endpoint)
        return json_response(body)

    def _check_request(self):
        http_request = self.request.httprequest
        if http_request.method != "POST":
            raise ApiError(405, "Only POST is served here", headers={"Allow": "POST"})
        if not self.request.db:
            raise _unavailable()
        if http_request.mimetype != "application/json":
            raise ApiError(415, "The content type must be application/json")

    def handle_error(self, exc):
        fault = exc if isinstance(exc, ApiError) else self._translate(exc)
        # Odoo logs an exception with its text, and that may name a person; the level
        # NOTSET is beneath every threshold. What is needed, _translate() has logged.
        exc.loglevel = logging.NOTSET
        return fault.get_response()

    def _translate(self, exc):
        if isinstance(exc, HTTPException):
            return ApiError(exc.code or 500, exc.name)
        if isinstance(exc, messages.MessageError):
            return ApiError(400, exc.message, exc.code)
        if isinstance(exc, SparSecurityError):
            status = 403 if exc.code == _FORBIDDEN else 401
            return ApiError(status, exc.message, exc.code)
        if isinstance(exc, _PASSING):
            _logger.warning("API request put off: %s", type(exc).__name__)
            return _unavailable()
        _logger.error(
            "API request failed: %s\n%s",
            type(exc).__name__,
            "".join(traceback.format_tb(exc.__traceback__)),
        )
        return ApiError(500, "The request could not be processed")


def _unavailable():
    return ApiError(503, "Try again later", headers={"Retry-After": str(RETRY_AFTER)})
