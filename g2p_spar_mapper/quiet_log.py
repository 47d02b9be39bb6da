# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Keeps IDs and account numbers out of what Odoo logs about SQL statements.

Odoo logs a statement that the database refuses together with its values, and a lost
race between two requests is enough for that. With debug logging it logs all of them.
The registry's own statements are run without that log (``store``); those of the ORM,
which keep what people type in wizards and in the portal, pass this filter.
"""

import logging
import re

import psycopg2

SQL_LOGGER = "odoo.sql_db"
#: a table or a column of this suite
_OURS = re.compile(r"\b(?:g2p_)?spar_")


class StatementFilter(logging.Filter):
    """Takes the text out of messages about statements on tables of this suite.

    What stays: that it happened, when, and the class of the fault. The database's own
    words go as well, for they quote the row.
    """

    def filter(self, record):
        if "query" in str(record.msg) and _OURS.search(record.getMessage()):
            record.msg, record.args = (
                "SPAR query: %s (text not logged)",
                (self._describe(record),),
            )
        return True

    @staticmethod
    def _describe(record):
        arguments = record.args if isinstance(record.args, tuple) else ()
        for fault in arguments:
            if isinstance(fault, psycopg2.Error):
                return f"{type(fault).__name__}, SQLSTATE {fault.pgcode}"
            if isinstance(fault, Exception):
                return type(fault).__name__
        return "run"


def install():
    """Hook ``post_load``: once per process, before the first request."""
    logger = logging.getLogger(SQL_LOGGER)
    if not any(isinstance(known, StatementFilter) for known in logger.filters):
        logger.addFilter(StatementFilter())
