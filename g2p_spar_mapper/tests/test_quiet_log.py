# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

import psycopg2

from odoo.tests import TransactionCase, tagged

from ..quiet_log import SQL_LOGGER

SECRET = "token:quiet-1@nationalId"


@tagged("post_install", "-at_install")
class TestQuietLog(TransactionCase):
    def log_of_failing(self, statement, *values):
        """What Odoo logs when the database refuses ``statement``."""
        with (
            self.assertLogs(SQL_LOGGER, logging.ERROR) as logs,
            self.assertRaises(psycopg2.Error),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute(statement, values)
        return "\n".join(logs.output)

    def test_values_of_a_refused_statement_are_not_logged(self):
        log = self.log_of_failing(
            "UPDATE g2p_spar_mapping SET sealed = %s, id = 1 / 0", SECRET
        )
        self.assertNotIn(SECRET, log)
        self.assertIn("DivisionByZero, SQLSTATE 22012", log)

    def test_words_of_the_database_are_not_logged(self):
        # a row that lacks a value is quoted as a whole
        log = self.log_of_failing(
            "INSERT INTO g2p_spar_mapping (sealed) VALUES (%s)", SECRET
        )
        self.assertNotIn(SECRET, log)
        self.assertIn("NotNullViolation", log)

    def test_debug_log(self):
        logger = logging.getLogger(SQL_LOGGER)
        with self.assertLogs(logger, logging.DEBUG) as logs:
            self.env.cr.execute("SELECT %s AS spar_id", (SECRET,))
        self.assertNotIn(SECRET, "\n".join(logs.output))

    def test_other_statements_are_logged_as_ever(self):
        log = self.log_of_failing("SELECT %s::int", "no number")
        self.assertIn("no number", log)
