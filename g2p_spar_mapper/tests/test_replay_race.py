# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import threading
from types import SimpleNamespace
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name, tagged

from .. import isolation, replay
from ..call import Message

MESSAGE_ID = "spartest-race-of-copies"


@tagged("post_install", "-at_install")
class TestReplayRace(BaseCase):
    """A look-up of a strict client comes in while the same message is at work."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)  # runs last, when the cursors below are closed
        self.envs = []
        for _number in range(2):
            cursor = db_connect(get_db_name()).cursor()
            self.addCleanup(cursor.close)
            self.envs.append(api.Environment(cursor, SUPERUSER_ID, {}))
        header = SimpleNamespace(message_id=MESSAGE_ID)
        self.message = Message("resolve", header, "t-1", [], b"{}")
        # the table has no foreign key: no client need be made for good
        self.client = SimpleNamespace(id=-1, strict=True, needs_signature=False)

    def forget(self):
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "DELETE FROM g2p_spar_transaction WHERE message_id = %s", [MESSAGE_ID]
            )

    def register(self):
        """Register the message by the second cursor, in place of the registry's own."""
        registry = SimpleNamespace(cursor=lambda: self.envs[1].cr)
        env = SimpleNamespace(registry=registry)
        self.result = replay.register(env, self.client, self.message)

    def begin(self):
        isolation.read_committed(self.envs[0].cr)
        return replay.claim(self.envs[0], self.client, self.message)

    def test_the_copy_gets_the_correlation_id_of_the_first(self):
        claimed = self.begin()
        thread = threading.Thread(target=self.register)
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), "the copy waits for the first")
        self.envs[0].cr.commit()  # pylint: disable=invalid-commit
        thread.join(20)
        self.assertEqual(self.result, claimed.correlation_id)

    def test_the_copy_waits_in_vain(self):
        self.begin()
        with patch.object(replay, "WAIT", 50):
            self.register()
        self.assertEqual(self.result.code, "rjct.message_id.duplicate")
