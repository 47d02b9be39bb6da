# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import datetime

import psycopg2

from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ..copying import copy_rows

MOMENT = datetime.fromisoformat("2026-01-31T10:00:00.123456")
#: neither an escape nor a line break within, as nearly all rows are
PLAIN = [
    (1, "one", MOMENT, None),
    (2, "", None, "null"),
    (3, "•••• 1234", MOMENT, "a,b]"),
    (4, "],[", None, "[1"),
    (5, "%s %", None, " spaces "),
]
AWKWARD = [
    (6, 'said "yes"', MOMENT, None),
    (7, "back\\slash", None, "\\N"),
    (8, "two\nlines", None, "a\r\nb"),
    (9, "tab\tstop", None, "]\n["),
    (10, "\\.", None, "\n\\.\n"),
    (11, "\x1f\x1e", None, ""),
]


@tagged("post_install", "-at_install")
class TestCopying(TransactionCase):
    def setUp(self):
        super().setUp()
        self.env.cr.execute(
            "CREATE TEMP TABLE spar_copied ("
            "id int PRIMARY KEY, name varchar NOT NULL, at timestamp, note varchar)"
        )

    def store(self, rows):
        copy_rows(self.env, "spar_copied", ("id", "name", "at", "note"), rows)
        self.env.cr.execute("SELECT * FROM spar_copied ORDER BY id")
        return self.env.cr.fetchall()

    def test_plain_values(self):
        self.assertEqual(self.store(PLAIN), PLAIN)

    def test_each_awkward_value(self):
        for row in AWKWARD:
            with self.subTest(row):
                self.assertIn(row, self.store([row]))

    def test_plain_and_awkward_values(self):
        self.assertEqual(self.store(PLAIN + AWKWARD), PLAIN + AWKWARD)

    def test_refused(self):
        """All rows or none, as with an INSERT."""
        self.store(PLAIN[:1])
        for bad, error in (
            ((1, "again", None, None), psycopg2.errors.UniqueViolation),
            ((2, None, None, None), psycopg2.errors.NotNullViolation),
            ((2**40, "large", None, None), psycopg2.DataError),
        ):
            with (
                self.assertRaises(error),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self.store([PLAIN[1], bad])
        self.assertEqual(self.store([PLAIN[1]]), PLAIN[:2])
