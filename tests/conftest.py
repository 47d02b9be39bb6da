# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Fixtures of the tests that need the suite running (e2e, interop, fuzz, load, faults).

All are of session scope and lazy: nothing starts before a test asks for it.

``spar``
    A server with demo data, two worker processes (so that races are real) and the
    job runner, and two more processes that answer the API alone: ``base_url``,
    ``api_url``, ``db``, ``odoo_rpc(login, password)`` -> ``call(model, method, *args,
    **kwargs)``, ``psql(sql, parameters)`` -> rows as dictionaries, ``log_path``,
    ``restart()``, ``allow_log(pattern)`` for a warning that a test provokes on purpose.
    See ``support/running_spar.py``.
``spar_remote``
    The same on a second database, with its own process and port.
``browser``
    Chromium, driven by playwright; open contexts and pages of your own from it.
``peer_python(name)``
    Python of an environment with ``tests/<part>/requirements-<name>.txt``.
``pg(name)``
    An empty database for a peer: ``host``, ``port``, ``user``, ``password``,
    ``name``, ``dsn``.

After the session a warning or error in a server's log fails the last test.

Databases are copies of a template that is rebuilt when an addon's files change, so
a second run starts in seconds. Run them with ``setup/test e2e``; or, while writing
a test, against a server that runs already: set ``SPAR_TEST_URL``, ``SPAR_TEST_DB``,
``SPAR_TEST_DSN`` (for libpq) and, where they are at hand, ``SPAR_TEST_API_URL``,
``SPAR_TEST_LOG`` and ``SPAR_TEST_DATA`` (its ``data_dir``).
"""

import contextlib
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

import pytest
from spar_setup import debian, places, python_env, templates
from spar_setup.workbench import workbench
from support.running_spar import RunningSpar

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class PlainDatabase(NamedTuple):
    """An empty database for a peer."""

    host: str
    port: int
    user: str
    password: str
    name: str

    @property
    def dsn(self):
        """How to connect, for libpq."""
        return (
            f"host={self.host} port={self.port} user={self.user} "
            f"password='{self.password}' dbname={self.name}"  # it may be empty
        )


@pytest.fixture(scope="session")
def bench():
    """Odoo, its environment and the database server."""
    with workbench(python_env.TEST, ["chromium"]) as prepared:
        prepared.drop_leftovers()
        yield prepared


@pytest.fixture(scope="session")
def template(bench):
    """A database with the suite and demo data, to be copied."""
    with places.lock(places.STATE / "lock"):
        return templates.suite(bench)


@pytest.fixture(scope="session")
def spar(request):
    """The server most tests talk to."""
    if os.environ.get("SPAR_TEST_URL"):
        log = os.environ.get("SPAR_TEST_LOG")
        yield RunningSpar(
            os.environ["SPAR_TEST_URL"].rstrip("/"),
            os.environ["SPAR_TEST_DB"],
            os.environ["SPAR_TEST_DSN"],
            Path(log) if log else None,
            api_url=os.environ.get("SPAR_TEST_API_URL", "").rstrip("/"),
        )
        return
    bench, template = map(request.getfixturevalue, ("bench", "template"))
    with _served(bench, template, "main") as server:
        yield server


@pytest.fixture(scope="session")
def spar_remote(bench, template):
    """A second registry: other database, other process, other port."""
    with _served(bench, template, "remote") as server:
        # Two installations never share what makes a database recognisable.
        server.psql(
            "UPDATE ir_config_parameter SET value = %s WHERE key = 'database.uuid'",
            [str(uuid.uuid4())],
        )
        server.restart()
        yield server


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(debian.CHROMIUM), args=CHROMIUM_FLAGS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def peer_python():
    """Function that makes the environment of a test peer."""
    return python_env.ensure_peer


@pytest.fixture(scope="session")
def pg(bench):
    """Function that makes an empty database."""
    made = []

    def make(name):
        if not re.fullmatch(r"[a-z0-9_]+", name):
            raise ValueError(f"not a plain name: {name!r}")
        server = bench.postgres
        database = bench.scratch(name).database
        server.drop(database)
        server.query(f'CREATE DATABASE "{database}"')
        made.append(database)
        return PlainDatabase(
            server.host, int(server.port), server.user, server.password, database
        )

    yield make
    for database in made:
        bench.postgres.drop(database)


@contextlib.contextmanager
def _served(bench, template, name):
    """A copy of the template database, served; its log is judged at the end."""
    instance = bench.scratch(name)
    with places.lock(places.STATE / "lock"):
        instance.copy_from(template)
    port, api_port = places.free_port(), places.free_port()
    instance.start(port, 2, api_port)

    def restart():
        instance.stop()
        instance.start(port, 2, api_port)

    database = PlainDatabase(
        bench.postgres.host,
        int(bench.postgres.port),
        bench.postgres.user,
        bench.postgres.password,
        instance.database,
    )
    server = RunningSpar(
        f"http://127.0.0.1:{port}",
        instance.database,
        database.dsn,
        instance.log_path,
        restart,
        instance,
        f"http://127.0.0.1:{api_port}",
    )
    try:
        yield server
    finally:
        instance.stop()
        problems = server.log_problems()
        shutil.copy(instance.log_path, places.LOGS / f"served-{name}.log")
        instance.drop()
    if problems:
        pytest.fail(
            f"{len(problems)} warnings or errors in the server's log:\n"
            + "\n".join(problems[:20]),
            pytrace=False,
        )
