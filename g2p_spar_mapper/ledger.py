# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How the rows of the ledger are chained.

Each row carries a keyed hash over its own columns and the hash of the row before it in
the chain of its mapping, so that nobody who lacks the key ring can change, add or drop
a row unseen. The mapping carries the hash of the last row of its chain.
"""

import msgspec

from .keyring import get_keyring, mac_many

#: columns under the hash, in this order; NULL counts as null
COLUMNS = (
    *("id", "at", "verb", "mapping_id", "previous_mapping_id", "key_id", "id_masked"),
    *("channel", "user_id", "client_id", "purpose", "transaction", "reference"),
    *("reason", "consent", "old_masked", "old_provider", "new_masked"),
    *("new_provider", "previous_hash"),
)
_PURPOSE = "ledger"  # of the derived key


def hasher(key_id=None):
    """A function that gives the hashes of rows.

    :param str key_id: key of the ring; by default the current one
    :return: function of a list of rows, each with the values of :data:`COLUMNS`
        (``at``: naive UTC datetime); it gives a list
    :raise SparConfigurationError: the ring lacks the key
    """
    key = get_keyring().derive(_PURPOSE, key_id)
    encode = msgspec.json.Encoder().encode
    return lambda rows: mac_many(key, map(encode, rows))
