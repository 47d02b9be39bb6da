# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Statements that carry IDs and account numbers, which must not reach the log."""

import psycopg2

from odoo.exceptions import UserError


def execute_quietly(env, query):
    """Run one statement without its values ever being logged or raised.

    Odoo logs a failing statement with its values, and PostgreSQL quotes the failing row
    in its message; both are suppressed. What a repetition may heal (serialization,
    deadlock, lost connection) passes unchanged, so that request or job are run again.

    :param odoo.tools.SQL query: the statement
    :raise psycopg2.OperationalError: the transaction has to be repeated
    :raise UserError: the database refused; names the SQLSTATE only
    """
    try:
        env.cr.execute(query, log_exceptions=False)
    except psycopg2.OperationalError:
        raise
    except psycopg2.Error as err:
        raise UserError(
            env._("The database refused the payments (%s).", err.pgcode)
        ) from None
