# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import threading
from unittest.mock import patch

from odoo.modules.registry import DummyRLock, Registry
from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged
from odoo.tools import mute_logger

from .. import isolation
from ..g2p_connect import messages
from ..models.transaction_job import G2pSparTransaction
from .message_race_case import MessageRaceCase

CLIENT = -1  # the table has no foreign key: no client need be made for good
INSERT = """
    INSERT INTO g2p_spar_transaction (
           client_id, message_id, replay_key, key_id, digest, transaction_id, operation,
           is_async, state, correlation_id, received_at, callback_state)
    SELECT %s, %s, gen_random_uuid(), '', '', 't', 'link', true, 'rcvd', '', now(),
           'none'
 RETURNING id
"""


@tagged("post_install", "-at_install")
class TestAsyncRace(MessageRaceCase):
    """A change is taken while the one before it comes to its end."""

    MESSAGE_ID = "spartest-race-of-changes"

    def take(self, env):
        """A change that has just been taken, as a record of an environment."""
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(INSERT, [CLIENT, self.MESSAGE_ID])
            return env["g2p.spar.transaction"].browse(cr.fetchone())

    def test_nobody_is_overlooked(self):
        """What the older one did not see yet is done when that one is."""
        older = self.take(self.envs[0])
        isolation.read_committed(older.env.cr)
        older.env.cr.execute(
            "UPDATE g2p_spar_transaction SET state = 'succ' WHERE id = %s", [older.id]
        )
        older._wake_next()  # nobody waits
        newer = self.take(self.envs[1])
        with (
            # whoever runs the tests holds it, and the thread makes an environment
            patch.object(Registry, "_lock", DummyRLock()),
            patch.object(G2pSparTransaction, "_process") as process,
        ):
            thread = threading.Thread(target=newer._job_process)
            thread.start()
            thread.join(0.3)
            self.assertFalse(process.called)
            older.env.cr.commit()  # pylint: disable=invalid-commit
            thread.join(20)
            self.assertTrue(process.called)

    def test_nobody_is_overlooked_when_a_job_gave_up(self):
        """It is told so in a transaction that does not see what came in since."""
        older = self.take(self.envs[0])
        older.env.cr.execute("SELECT 1 FROM g2p_spar_transaction LIMIT 1")
        newer = self.take(self.envs[1])
        fault = messages.MessageError("body: cannot be read")
        with (
            patch.object(G2pSparTransaction, "_call", side_effect=fault),
            patch.object(G2pSparTransaction, "_enqueue", autospec=True) as enqueue,
            mute_logger("odoo.addons.g2p_spar_mapper.models.transaction_job"),
        ):
            older._job_process_failed()
        self.assertEqual([call.args[0].ids for call in enqueue.mock_calls], [newer.ids])
