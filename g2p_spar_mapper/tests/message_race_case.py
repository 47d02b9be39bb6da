# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import SUPERUSER_ID, api
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name


class MessageRaceCase(BaseCase):
    """Two real transactions at once, about messages that are forgotten in the end."""

    MESSAGE_ID = ""  #: of the messages that the tests of a class make

    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)  # runs last, when the cursors below are closed
        self.envs = []
        for _number in range(2):
            cursor = db_connect(get_db_name()).cursor()
            self.addCleanup(cursor.close)
            self.envs.append(api.Environment(cursor, SUPERUSER_ID, {}))

    def forget(self):
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "DELETE FROM g2p_spar_transaction WHERE message_id = %s",
                [self.MESSAGE_ID],
            )
