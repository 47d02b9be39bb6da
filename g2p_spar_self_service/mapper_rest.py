# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Which mappers pages leave alone for a while, because they did not answer in time.

A page occupies a worker of the server while it waits. Each process remembers for
itself: one page in :data:`REST_SECONDS` waits, the others know the answer.
"""

from time import monotonic

from .const import REST_SECONDS

#: (database, id of the connector) -> when it may be asked again
_asked_again_at = {}


def rest(connector):
    """Let pages leave this mapper alone from now on."""
    _asked_again_at[_key(connector)] = monotonic() + REST_SECONDS


def is_resting(connector):
    """Whether pages leave this mapper alone now.

    :rtype: bool
    """
    return _asked_again_at.get(_key(connector), 0) > monotonic()


def _key(connector):
    return connector.env.cr.dbname, connector.id
