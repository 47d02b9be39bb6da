# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Both carriers of the API answer alike: the same tests run against the second one."""

import io
from unittest.mock import patch

import psycopg2

from odoo.sql_db import connection_info_for
from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL, config, mute_logger

from ..api_server import application, reading
from ..faults import ApiError
from . import (
    test_api_bad_input,
    test_api_item_rows,
    test_api_message_rows,
    test_api_refusal_rows,
    test_api_resolve_rows,
    test_api_transaction_rows,
    test_token,
)
from .api_case import ApiCase
from .api_server_case import ApiServerMixin


@tagged("post_install", "-at_install")
class TestApiServerBadInput(ApiServerMixin, test_api_bad_input.TestApiBadInput):
    pass


@tagged("post_install", "-at_install")
class TestApiServerItemRows(ApiServerMixin, test_api_item_rows.TestApiItemRows):
    pass


@tagged("post_install", "-at_install")
class TestApiServerResolveRows(
    ApiServerMixin, test_api_resolve_rows.TestApiResolveRows
):
    pass


@tagged("post_install", "-at_install")
class TestApiServerMessageRows(
    ApiServerMixin, test_api_message_rows.TestApiMessageRows
):
    pass


@tagged("post_install", "-at_install")
class TestApiServerRefusalRows(
    ApiServerMixin, test_api_refusal_rows.TestApiRefusalRows
):
    pass


@tagged("post_install", "-at_install")
class TestApiServerTransactionRows(
    ApiServerMixin, test_api_transaction_rows.TestApiTransactionRows
):
    pass


@tagged("post_install", "-at_install")
class TestApiServerToken(ApiServerMixin, test_token.TestTokenOverHttp):
    pass


@tagged("post_install", "-at_install")
class TestApiServer(ApiServerMixin, ApiCase):
    def test_unknown_path(self):
        application_ = application.Application(self.env.cr.dbname)
        started = []
        environ = {"PATH_INFO": "/web/login", "REQUEST_METHOD": "GET"}
        (body,) = application_(environ, lambda *given: started.append(given))
        self.assertEqual(started[0][0], "404 Not Found")
        self.assertIn(b"err.request.not_found", body)

    def test_pages(self):
        """What Odoo serves beside the protocol is the same here."""
        for path in ("/.well-known/jwks.json", "/mapper/openapi.json", "/mapper/docs"):
            with self.subTest(path=path):
                served = self.url_open(path)
                self.opener.adapters.pop(self.base_url() + path)
                expected = self.url_open(path)
                self.assertEqual(expected.status_code, 200)
                self.assertEqual(served.content, expected.content)
                for name in ("Content-Type", "Cache-Control"):
                    self.assertEqual(served.headers[name], expected.headers[name])

    def test_head_of_a_page(self):
        """Watchdogs and caches ask so. The web server leaves the body out."""
        for path in ("/.well-known/jwks.json", "/mapper/openapi.json", "/mapper/docs"):
            with self.subTest(path=path):
                response = self.opener.head(self.base_url() + path)
                self.assertEqual(response.status_code, 200)
                response = self.opener.put(self.base_url() + path)
                self.assertEqual(response.status_code, 405)
                self.assertEqual(response.headers["Allow"], "GET, HEAD")
        for path in ("/mapper/sync/link", "/oauth2/client/token"):
            with self.subTest(path=path):
                response = self.opener.head(self.base_url() + path)
                self.assertEqual(response.status_code, 405)
                self.assertEqual(response.headers["Allow"], "POST")

    def test_one_slash_at_the_end(self):
        """As at Odoo's own server."""
        message = self.message("resolve", [self.item()])
        for slashes, status in (("", 200), ("/", 200), ("//", 404)):
            with self.subTest(slashes=slashes):
                response = self.opener.post(
                    f"{self.base_url()}/mapper/sync/resolve{slashes}", json=message
                )
                self.assertEqual(response.status_code, status)

    def test_suspension_works_at_once(self):
        self.link()
        self.compat.state = "suspended"
        response = self.post("resolve", self.message("resolve", [self.item()]))
        self.assertError(response, 401, "err.sender_id.invalid")

    @mute_logger("odoo.addons.g2p_spar_mapper.api_server.application", "odoo.sql_db")
    def test_call_that_writes_although_it_should_not(self):
        self.set_registry_readonly_mode(True)
        self.addCleanup(self.set_registry_readonly_mode, False)
        gateway = type(self.env["g2p.spar.gateway"])
        serve = gateway._serve
        seen = []

        def write_first(gateway, call):
            seen.append(gateway.env.cr.readonly)
            gateway.env["ir.config_parameter"].set_param("spar.test", str(len(seen)))
            gateway.env.flush_all()
            return serve(gateway, call)

        with patch.object(gateway, "_serve", write_first):
            self.link()
            response = self.post("resolve", self.message("resolve", [self.item()]))
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(seen, [False, True, False])

    def test_fault_is_answered(self):
        gateway = type(self.env["g2p.spar.gateway"])
        logger = "odoo.addons.g2p_spar_mapper.faults"
        with (
            patch.object(gateway, "_serve", side_effect=ValueError("Ada 123")),
            self.assertLogs(logger, "ERROR") as logs,
        ):
            response = self.post("resolve", self.message("resolve", [self.item()]))
        self.assertError(response, 500, "err.service.unavailable")
        self.assertNotIn("Ada", response.text + logs.output[0])

    def test_body_that_is_cut_off(self):
        """JSON may be sound where it was cut, the message is incomplete."""
        app = application.Application(self.env.cr.dbname)
        app._max_body = 1000
        environ = {"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "7"}
        with self.assertRaises(ApiError) as caught:
            app._read_body(environ)
        self.assertEqual(caught.exception.status, 400)
        environ = {"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2"}
        self.assertEqual(app._read_body(environ), b"{}")

    def test_trusted_proxy_names_the_caller(self):
        environ = {
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_X_FORWARDED_HOST": "spar.example",
            "HTTP_X_FORWARDED_FOR": "203.0.113.5, 198.51.100.7",
        }
        self.assertEqual(application._remote_addr(environ), "192.0.2.1")
        with patch.dict(config.options, proxy_mode=True):
            # the proxy adds the last one, what stands before it anybody can write
            self.assertEqual(application._remote_addr(environ), "198.51.100.7")
            # granian empties what is not ASCII; the caller is not the proxy then
            for name in ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST"):
                emptied = environ | {"HTTP_X_FORWARDED_FOR": "198.51.100.7", name: ""}
                self.assertNotEqual(application._remote_addr(emptied), "192.0.2.1")
            environ["HTTP_X_FORWARDED_FOR"] = "198.51.100.7, "
            self.assertEqual(application._remote_addr(environ), "")


@tagged("post_install", "-at_install")
class TestReadingCursor(TransactionCase):
    """On real connections: that of the test is not used."""

    def setUp(self):
        super().setUp()
        self.reader = reading.Reader(self.env.cr.dbname)
        self.addCleanup(self.reader.close)

    def test_refuses_to_write(self):
        cr = self.reader.cursor()
        self.addCleanup(cr.close)
        self.assertTrue(cr.readonly)
        with self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction):
            cr.execute("DELETE FROM res_users", log_exceptions=False)

    def test_sees_what_was_committed_meanwhile(self):
        """Each statement is a transaction of its own."""
        cr = self.reader.cursor()
        self.addCleanup(cr.close)
        cr.execute("SELECT txid_current_if_assigned(), now()")
        first = cr.fetchone()
        cr.execute("SELECT txid_current_if_assigned(), now()")
        self.assertNotEqual(first, cr.fetchone())

    def test_repeated_statement_is_prepared(self):
        cr = self.reader.cursor()
        self.addCleanup(cr.close)
        query = "SELECT %s::int + 1, '%%', %s::varchar[]"
        for number in range(6):
            cr.execute(SQL(query, number, '{"a%s","b\'"}'))
            self.assertEqual(cr.fetchone(), (number + 1, "%", ["a%s", "b'"]))
        cr.execute("SELECT count(*) FROM pg_prepared_statements")
        self.assertEqual(cr.fetchone(), (1,))
        # a long list is planned anew each time
        cr.execute(SQL(query, 1, "{" + "a" * 2000 + "}"))
        self.assertEqual(len(cr.fetchone()[2][0]), 2000)

    def test_statement_that_cannot_be_prepared(self):
        cr = self.reader.cursor()
        self.addCleanup(cr.close)
        for number in range(5):
            cr.execute(SQL("SELECT id FROM res_users WHERE id IN %s", (1, number)))
            self.assertTrue(cr.fetchall())

    def test_connection_is_kept(self):
        cr = self.reader.cursor()
        process = cr.connection.get_backend_pid()
        cr.close()
        cr = self.reader.cursor()
        self.assertEqual(cr.connection.get_backend_pid(), process)
        cr.close()

    def test_broken_connection_is_not_kept(self):
        cr = self.reader.cursor()
        process = cr.connection.get_backend_pid()
        with psycopg2.connect(**connection_info_for(self.env.cr.dbname)[1]) as other:
            with other.cursor() as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", [process])
        other.close()
        with self.assertRaises(psycopg2.OperationalError):
            cr.execute("SELECT 1", log_exceptions=False)
        cr.close()
        with self.reader.cursor() as cr:
            cr.execute("SELECT 1")
            self.assertNotEqual(cr.connection.get_backend_pid(), process)
