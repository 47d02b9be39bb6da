# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How much a transaction sees of what others commit meanwhile."""

from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    TRANSACTION_STATUS_IDLE,
)


def read_committed(cr):
    """Let the transaction that begins next, and those after it, wait for the rows that
    others are changing and go on with what they have become.

    At Odoo's own level such a transaction fails and the request is run again, which
    callers who race for the same IDs lose again and again. One that has begun already
    stays as it is.

    :param cr: cursor of the request
    """
    if cr.connection.info.transaction_status == TRANSACTION_STATUS_IDLE:
        cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)


def sees_commits(cr):
    """Whether each statement sees what others have committed meanwhile."""
    return cr.connection.isolation_level == ISOLATION_LEVEL_READ_COMMITTED
