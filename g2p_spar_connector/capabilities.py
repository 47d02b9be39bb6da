# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What one adapter can do, as data (pure, no Odoo)."""

from typing import NamedTuple

#: the four verbs a connector can be asked for
OPERATIONS = ("link", "update", "unlink", "resolve")
#: context key: most seconds a look-up may take because somebody waits at a screen
SECONDS = "g2p_spar_connector_seconds"


class Capabilities(NamedTuple):
    """What a mapper behind a connector can do; callers ask before they call."""

    operations: frozenset = frozenset(OPERATIONS)
    batch_size: int = 1000  #: most items in one call of the adapter
    #: the mapper shares the caller's database transaction: what it wrote is rolled
    #: back with the caller, and no answer can get lost on the way
    in_transaction: bool = False
    #: the mapper loses a whole batch in which one ID stands twice
    one_item_per_id: bool = False
