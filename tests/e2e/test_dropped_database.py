# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Databases can be dropped whatever their server is doing in them."""

import time

import pytest
from spar_setup import debian, postgres

# Any dead row calls autovacuum, which then takes hours.
TABLE = """
    CREATE TABLE held (id int) WITH (
        autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
    INSERT INTO held SELECT generate_series(1, 200000);
    DELETE FROM held;
"""
AT_WORK = (
    "SELECT 1 FROM pg_stat_activity "
    "WHERE datname = 'held' AND backend_type = 'autovacuum worker'"
)


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server of its own, which looks for dead rows each second."""
    if not debian.server_programs():
        pytest.fail("the programs of a PostgreSQL server are not installed")
    with postgres.server(postgres.PrivateServer("autovacuum")) as private:
        admin = private.administrator()
        admin.query("ALTER SYSTEM SET autovacuum_naptime = 1")
        admin.query("SELECT pg_reload_conf()")
        yield private


def test_drop_while_autovacuum_is_at_work(server):
    server.drop("held")
    server.query("CREATE DATABASE held")
    server.query(TABLE, "held")
    deadline = time.monotonic() + 60
    while not server.administrator().query(AT_WORK):
        assert time.monotonic() < deadline, "autovacuum did not begin"
        time.sleep(0.1)
    server.drop("held")
    assert "held" not in server.databases()
