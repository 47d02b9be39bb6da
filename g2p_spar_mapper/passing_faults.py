# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What a job makes of faults that pass, those of the database among them."""

from contextlib import contextmanager

from odoo.addons.g2p_spar_bank_directory.exceptions import SparError
from odoo.addons.queue_job.exception import RetryableJobError

from .faults import PASSING

#: how queue_job names what ends a job whose own connection has broken: it has failed
#: before it can be put off
BROKEN = {
    "psycopg2.InterfaceError",
    "psycopg2.OperationalError",
    "psycopg2.errors.AdminShutdown",
}


@contextmanager
def putting_off():
    """Have the job run again later.

    :raises RetryableJobError: in place of a fault that passes
    """
    try:
        yield
    except PASSING as err:
        # the database's own words may quote a row
        reason = err.message if isinstance(err, SparError) else type(err).__name__
        raise RetryableJobError(reason) from err
