# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A running server of the suite, as tests see it."""

import os
from pathlib import Path

import psycopg2
import psycopg2.extras
import requests
from spar_setup import odoo_log


class RunningSpar:
    """One server with its database.

    :param str base_url: without a slash at its end
    :param str db: name of the database
    :param str dsn: how to connect to the database, for libpq
    :param log_path: the server's log, or None if it is out of reach
    :param restart: function that stops and starts the server again, or None
    :param instance: the :class:`~spar_setup.instance.Instance` that is served, or None
        when it was not started here
    :param str api_url: the server that answers the API alone; Odoo does so, too
    """

    def __init__(
        self, base_url, db, dsn, log_path, restart=None, instance=None, api_url=""
    ):
        self.base_url = base_url
        self.api_url = api_url or base_url
        self.db = db
        self.dsn = dsn
        self.log_path = log_path
        self.instance = instance
        self._restart = restart
        self._allowed = []

    def odoo_rpc(self, login, password):
        """Log in and return a function ``call(model, method, *args, **kwargs)``.

        It takes the web client's road, so access rights and record rules apply; an
        error of the server is raised as :class:`RpcError`.
        """
        session = requests.Session()
        self.log_in(session, login, password)

        def call(model, method, *args, **kwargs):
            parameters = {"model": model, "method": method, "args": args}
            path = f"/web/dataset/call_kw/{model}/{method}"
            return self._json(session, path, {**parameters, "kwargs": kwargs})

        return call

    def log_in(self, session, login, password):
        """Give a ``requests`` session the cookie of a login.

        :raise RpcError: wrong login or password
        """
        answer = self._json(
            session,
            "/web/session/authenticate",
            {"db": self.db, "login": login, "password": password},
        )
        if not answer.get("uid"):
            raise RpcError(f"{login} cannot log in")

    @property
    def data_dir(self):
        """Folder of the server's attachments and sessions, or None if it is out of
        reach."""
        if self.instance:
            return self.instance.folder / "data"
        known = os.environ.get("SPAR_TEST_DATA")
        return Path(known) if known else None

    def psql(self, sql, parameters=None):
        """Run SQL in a transaction of its own; return its rows as dictionaries."""
        connection = psycopg2.connect(self.dsn)
        try:
            with (
                connection,
                connection.cursor(
                    cursor_factory=psycopg2.extras.RealDictCursor
                ) as cursor,
            ):
                cursor.execute(sql, parameters)
                rows = cursor.fetchall() if cursor.description else []
                return [dict(row) for row in rows]
        finally:
            connection.close()

    def reactivate(self, code):
        """Make a suspended API client live again.

        By SQL: for people it takes two administrators. All processes learn of it.
        """
        self.psql(
            "UPDATE g2p_spar_client SET state = 'live' WHERE code = %s;"
            "INSERT INTO orm_signaling_default DEFAULT VALUES",
            [code],
        )

    def restart(self):
        """Stop the server and start it again on the same port."""
        if not self._restart:
            raise RuntimeError("a server that was not started here cannot be restarted")
        self._restart()

    def log(self):
        """The whole log as text."""
        return self.log_path.read_text(errors="replace") if self.log_path else ""

    def allow_log(self, pattern):
        """Say that the test at hand provokes this warning or error in the log.

        :param str pattern: regular expression, searched in the whole message
        """
        self._allowed.append(pattern)

    def log_problems(self):
        """Warnings and errors of the log that no test provoked."""
        return odoo_log.problems(self.log(), self._allowed)

    def _json(self, session, path, parameters):
        answer = session.post(
            self.base_url + path, json={"params": parameters}, timeout=120
        )
        answer.raise_for_status()
        body = answer.json()
        if "error" in body:
            raise RpcError(body["error"]["data"]["message"])
        return body["result"]


class RpcError(Exception):
    """The server refused a call; the text is what the user would read."""
