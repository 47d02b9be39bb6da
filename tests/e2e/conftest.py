# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import pytest
from planted import Planted


@pytest.fixture(scope="session")
def planted(spar):
    """People whose data stand in every corner of the suite: see ``planted.py``."""
    return Planted(spar)
