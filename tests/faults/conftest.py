# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The servers under test, on a PostgreSQL of their own that may be stopped.

It writes as an ordinary one does (``fsync``, ``synchronous_commit``): what it has
acknowledged has to survive. The first run makes its databases, which takes minutes.
"""

import pytest
from spar_setup import debian, postgres


@pytest.fixture(scope="session")
def bench(bench):
    """Odoo and its environment as elsewhere, with another database server."""
    if not debian.server_programs():
        pytest.fail("the programs of a PostgreSQL server are not installed")
    with postgres.server(postgres.PrivateServer("faults")) as server:
        prepared = bench._replace(postgres=server)
        prepared.drop_leftovers()
        yield prepared


@pytest.fixture(params=["odoo", "api"])
def carrier(request, spar):
    """Address of each server that carries the API."""
    return spar.base_url if request.param == "odoo" else spar.api_url
