# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What API callers are told when a whole request fails."""

import logging
import math
import traceback
import uuid
from datetime import UTC, datetime

import psycopg2
from psycopg2.pool import PoolError
from werkzeug.exceptions import HTTPException

from odoo.exceptions import ConcurrencyError

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparSecurityError,
    SparTransientError,
)

from .g2p_connect import messages

_logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds
_FORBIDDEN = "err.request.forbidden"
_UNAUTHORIZED = "err.request.unauthorized"
_OF_SIGNATURES = {"err.signature.missing", "err.signature.invalid"}
#: after these the same may succeed
PASSING = (
    ConcurrencyError,
    PoolError,
    SparTransientError,
    psycopg2.InterfaceError,
    psycopg2.OperationalError,
)
_CODES = {
    401: _UNAUTHORIZED,
    403: _FORBIDDEN,
    404: "err.request.not_found",
    408: "err.request.timeout",
    429: "err.request.too_many_requests",
    500: "err.service.unavailable",
    503: "err.service.unavailable",
}


class ApiError(Exception):
    """A fault of a whole request, as the caller shall see it.

    :param int status: HTTP status
    :param str message: a sentence without personal data
    :param str code: ``err.*`` code of the protocol; by default the status tells
    :param dict headers: further HTTP headers
    :param bool is_ack: say it in an Ack, too; callers look in either place
    """

    #: Odoo logs an exception at this level; the caller's fault is none of the server's,
    #: and what an operator needs has been logged.
    loglevel = logging.NOTSET

    def __init__(self, status, message, code=None, headers=None, is_ack=False):
        super().__init__(message)
        self.is_ack = is_ack
        self.status = status
        self.errors = [
            {"code": code or _CODES.get(status, "err.request.bad"), "message": message}
        ]
        self.headers = headers or {}

    @property
    def body(self):
        content = {"errors": self.errors}
        if self.is_ack:
            content["message"] = {
                "ack_status": "ERR",
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "correlation_id": str(uuid.uuid4()),
                "error": self.errors[0],
            }
        return messages.encode(content)


def unavailable():
    """Nothing was done; the same request may succeed later."""
    return ApiError(503, "Try again later", headers={"Retry-After": str(RETRY_AFTER)})


def too_many(seconds):
    """The caller asks for more than it may.

    :param float seconds: until the same request is admitted
    """
    headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return ApiError(429, "Too many requests", headers=headers)


def translate(exc):
    """What the caller is told about a fault; what an operator needs is logged, without
    the fault's own text, which may name a person.

    :param Exception exc: whatever was raised
    :rtype: ApiError
    """
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, HTTPException):
        return ApiError(exc.code or 500, exc.name)
    if isinstance(exc, messages.MessageError):
        return ApiError(400, exc.message, exc.code)
    if isinstance(exc, SparSecurityError):
        status = 403 if exc.code == _FORBIDDEN else 401
        headers = {}
        if exc.code == _UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="SPAR"'
        is_ack = exc.code in _OF_SIGNATURES
        return ApiError(status, exc.message, exc.code, headers, is_ack)
    if isinstance(exc, PASSING):
        _logger.warning("API request put off: %s", type(exc).__name__)
        return unavailable()
    _logger.error(
        "API request failed: %s\n%s",
        type(exc).__name__,
        "".join(traceback.format_tb(exc.__traceback__)),
    )
    return ApiError(500, "The request could not be processed")
