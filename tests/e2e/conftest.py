# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import os

import pytest
from planted import Planted

# Odoo gives a caller two seconds to send its request and logs an error otherwise. On a
# machine that is busy with other things, a browser or a test may need more.
os.environ.setdefault("ODOO_HTTP_SOCKET_TIMEOUT", "10")


@pytest.fixture(scope="session")
def planted(spar):
    """People whose data stand in every corner of the suite: see ``planted.py``."""
    return Planted(spar)
