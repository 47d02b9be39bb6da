# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The API as a WSGI application (PEP 3333)."""

import contextlib
import functools
import http
import logging
import threading

import psycopg2

from odoo import SUPERUSER_ID
from odoo.api import Environment
from odoo.modules.registry import Registry
from odoo.service.model import retrying
from odoo.tools import config

from ..call import Call
from ..carriage import check_request, response_headers, too_long
from ..faults import ApiError, translate, unavailable
from ..g2p_connect import paths
from .balance import Balance
from .pages import PAGES
from .reading import Reader

_logger = logging.getLogger(__name__)

#: no user stands behind a call; English, for programs read the texts
CONTEXT = {"lang": "en_US"}
CHUNK = 1 << 20  # bytes
_STATUS_LINES = {
    status.value: f"{status} {status.phrase}" for status in http.HTTPStatus
}


class Application:
    """Answers the paths of ``g2p_connect.paths`` and of ``pages``.

    :param str dbname: the one database that is served
    :param reader: opens cursors for reading; a :class:`Reader` by default
    :param Balance balance: what other workers do; by default there are none
    """

    def __init__(self, dbname, reader=None, balance=None):
        self.dbname = dbname
        self._reader = reader or Reader(dbname)
        self._balance = balance or Balance(1)
        self._max_body = 0  # bytes, as of the last request

    def __call__(self, environ, start_response):
        threading.current_thread().dbname = self.dbname  # for the log
        began = self._balance.begin()
        try:
            reply = self._answer(environ)
            status, body, headers = 200, reply.body, reply.headers
        except Exception as exc:  # noqa: BLE001 - the border: translate() logs it
            fault = translate(exc)
            status, body, headers = fault.status, fault.body, fault.headers
        headers = response_headers(headers) | {"Content-Length": str(len(body))}
        if self._balance.end(began):
            headers["Connection"] = "close"
        start_response(_STATUS_LINES[status], list(headers.items()))
        return [body]

    def _answer(self, environ):
        path = environ["PATH_INFO"].removesuffix("/")
        method = environ["REQUEST_METHOD"]
        mimetype = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if endpoint := paths.ENDPOINTS.get(path):
            check_request(method, mimetype)
            call = self._call(environ, endpoint.operation, endpoint.is_async)
            serve = functools.partial(self._serve, call)
            return (
                self.answer_reading(serve)
                if endpoint.readonly
                else self.answer_writing(serve)
            )
        if page := PAGES.get(path):
            check_request(method, mimetype, page.methods, page.mimetype)
            call = self._call(environ, path)
            serve = functools.partial(_answer_page, page, call)
            return (
                self.answer_reading(serve)
                if page.readonly
                else self.answer_writing(serve)
            )
        raise ApiError(404, "Nothing is served here")

    def _call(self, environ, operation, is_async=False):
        return Call(
            operation,
            self._read_body(environ),
            _remote_addr(environ),
            is_async,
            authorization=environ.get("HTTP_AUTHORIZATION", ""),
            signature=environ.get("HTTP_SIGNATURE", ""),
        )

    def _serve(self, call, env):
        """Answer in an environment that knows what is configured now."""
        gateway = env["g2p.spar.gateway"]
        self._max_body = gateway._max_body()
        if len(call.body) > self._max_body:
            raise too_long()
        return gateway._serve(call)

    # ------------------------------------------------------------- the database

    def answer_reading(self, serve):
        """Let ``serve(env)`` answer without a transaction.

        A call that turns out to write something is run again with one, as Odoo's own
        server does.
        """
        cr, _registry = self._open()
        with contextlib.closing(cr):
            try:
                return serve(Environment(cr, SUPERUSER_ID, CONTEXT))
            except psycopg2.errors.ReadOnlySqlTransaction:
                _logger.warning("A call that should only read wants to write")
        return self.answer_writing(serve)

    def answer_writing(self, serve):
        """Let ``serve(env)`` answer in a transaction, which is committed; it is run
        again when it got into the way of another one."""
        cr, registry = self._open()
        cr.close()
        with contextlib.closing(registry.cursor()) as cr:
            env = Environment(cr, SUPERUSER_ID, CONTEXT)
            return retrying(functools.partial(serve, env), env)

    def _open(self):
        """A cursor for reading, and the registry as it is now on all servers.

        :raise ApiError: the addon is not installed in this database
        """
        try:
            return self._open_once()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            # kept connections do not outlive a restart of the database server
            return self._open_once()

    def _open_once(self):
        cr = self._reader.cursor()
        try:
            registry = Registry(self.dbname).check_signaling(cr)
            if "g2p.spar.gateway" not in registry:
                raise unavailable()
        except BaseException:
            cr.close()
            raise
        return cr, registry

    # ------------------------------------------------------------- the body

    def _read_body(self, environ):
        """The body, unless it is longer than allowed.

        The limit is that of the last call; :meth:`_serve` looks again.
        """
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self._max_body:
            self._refuse_long(length)
        chunks, size = [], 0
        while chunk := environ["wsgi.input"].read(CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body:  # sent in chunks, without a length
                self._refuse_long(size)
        if size < length:
            raise ApiError(400, "The body is shorter than its Content-Length")
        return b"".join(chunks)

    def _refuse_long(self, size):
        """:raise ApiError: also by the limit as it is configured now"""
        self._max_body = self.answer_reading(
            lambda env: env["g2p.spar.gateway"]._max_body()
        )
        if size > self._max_body:
            raise too_long()


def _answer_page(page, call, env):
    return page.answer(env, call)


def _remote_addr(environ):
    """Who sent the request; behind a proxy that is trusted, whom that names.

    Granian empties headers that are not ASCII. Part of these is the caller's, who would
    pass for the proxy otherwise: so it counts that they are there.
    """
    if config["proxy_mode"] and "HTTP_X_FORWARDED_HOST" in environ:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if forwarded is not None:
            return forwarded.rpartition(",")[2].strip()
    return environ.get("REMOTE_ADDR", "")
