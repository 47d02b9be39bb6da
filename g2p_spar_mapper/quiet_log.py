# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Keeps IDs and account numbers out of what libraries log.

Odoo logs a statement that the database refuses together with its values, and a lost
race between two requests is enough for that. With debug logging it logs all of them.
The registry's own statements are run without that log (``store``); those of the ORM,
which keep what people type in wizards and in the portal, pass this filter.

urllib3 logs headers that it cannot read with their text. A peer may have sent back what
it was sent.
"""

import logging
import re

import psycopg2

SQL_LOGGER = "odoo.sql_db"
#: the first in urllib3 from 2.0 on, the second before
HTTP_LOGGERS = ("urllib3.connection", "urllib3.connectionpool")
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


class HeaderFilter(logging.Filter):
    """Takes the text out of warnings about headers. What stays: the address."""

    def filter(self, record):
        if str(record.msg).startswith("Failed to parse headers (url=%s)"):
            record.msg = "Failed to parse headers (url=%s; text not logged)"
            record.args = record.args[:1]
            record.exc_info = None
        return True


def install():
    """Hook ``post_load``: once per process, before the first request."""
    _add(SQL_LOGGER, StatementFilter)
    for name in HTTP_LOGGERS:
        _add(name, HeaderFilter)


def _add(name, kind):
    logger = logging.getLogger(name)
    if not any(isinstance(known, kind) for known in logger.filters):
        logger.addFilter(kind())
