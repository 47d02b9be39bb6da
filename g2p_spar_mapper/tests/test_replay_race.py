# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import threading
from types import SimpleNamespace
from unittest.mock import patch

from odoo.tests import tagged

from .. import isolation, replay
from ..call import Message
from .message_race_case import MessageRaceCase


@tagged("post_install", "-at_install")
class TestReplayRace(MessageRaceCase):
    """A look-up of a strict client comes in while the same message is at work."""

    MESSAGE_ID = "spartest-race-of-copies"

    def setUp(self):
        super().setUp()
        header = SimpleNamespace(message_id=self.MESSAGE_ID)
        self.message = Message("resolve", header, "t-1", [], b"{}")
        # the table has no foreign key: no client need be made for good
        self.client = SimpleNamespace(id=-1, strict=True, needs_signature=False)

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
