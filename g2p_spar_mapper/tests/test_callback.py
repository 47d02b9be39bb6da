# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Results are sent until somebody takes them."""

from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.queue_job.exception import RetryableJobError

from ..g2p_connect import keys, signature
from .api_case import ApiCase
from .fake_peer import FakePeer, ReachesPeers

ID = "token:spartest-1@nationalId"
ACK = {"message": {"ack_status": "ACK", "timestamp": "", "correlation_id": "c"}}


@tagged("post_install", "-at_install")
class TestCallback(ReachesPeers, ApiCase):
    def setUp(self):
        super().setUp()
        self.set_parameter("callback_http", "1")
        self.set_parameter("callback_networks", "127.0.0.0/8")
        self.reply = (200, ACK)
        self.receiver = FakePeer(lambda *args: self.reply)
        self.addCleanup(self.receiver.stop)
        self.compat.callback_url = f"{self.receiver.url}/spar"

    def set_parameter(self, name, value):
        self.env["ir.config_parameter"].set_param(f"g2p_spar_mapper.{name}", value)

    def processed(self, operation="link", **header):
        """A message that was processed and whose result waits."""
        items = [self.item(ID, fa=self.fa())]
        row = self.row(self.post_async(operation, items, **header))
        self.run_job(row, "process")
        self.assertEqual(row.callback_state, "waiting")
        return row

    def fails(self, row, text):
        self.assertIn(text, self.put_off(row, "call_back"))
        self.assertEqual(row.callback_state, "waiting")
        self.assertIn(text, row.callback_fault)
        self.assertNotIn("spartest", row.callback_fault)

    def test_result_arrives(self):
        for operation in ("link", "update", "resolve", "unlink"):
            with self.subTest(operation=operation):
                row = self.processed(operation)
                job = self.job(row, "call_back")
                self.assertEqual(job.channel, "root.spar.callback")
                self.assertFalse(job.args or job.kwargs)
                self.run_job(row, "call_back")
                path, body = self.receiver.requests.pop()
                self.assertEqual(path, f"/spar/on-{operation}")
                self.assertEqual(body["header"]["action"], f"on-{operation}")
                self.assertEqual(body["header"]["status"], "succ")
                self.assertEqual(body["header"]["receiver_id"], "compat")
                message = body["message"]
                self.assertEqual(message["correlation_id"], row.correlation_id)
                self.assertEqual(message["transaction_id"], "t1")
                (result,) = message[f"{operation}_response"]
                self.assertEqual(result["status"], "succ")
                self.assertEqual(row.callback_state, "delivered")
                self.assertEqual(row.callback_attempts, 1)
                self.assertTrue(row.callback_at)
                # a job that runs again sends nothing
                row._job_call_back()
                self.assertFalse(self.receiver.requests)

    def test_sender_uri(self):
        for uri, path in (("/spar/a", "/spar/a/on-link"), ("/spar/on-link",) * 2):
            row = self.processed(sender_uri=self.receiver.url + uri)
            self.run_job(row, "call_back")
            self.assertEqual(self.receiver.requests.pop()[0], path)

    def test_answers_that_count_as_taken(self):
        for reply in ((200, b""), (202, b"thanks"), (200, {"ok": True}), (204, b"")):
            with self.subTest(reply=reply):
                self.reply = reply
                row = self.processed()
                self.run_job(row, "call_back")
                self.assertEqual(row.callback_state, "delivered")

    def test_answers_that_refuse(self):
        for status in ("NACK", "ERR"):
            with self.subTest(status=status):
                self.reply = (200, {"message": {"ack_status": status}})
                row = self.processed()
                self.run_job(row, "call_back")
                self.assertEqual(row.callback_state, "refused")
                self.assertFalse(self.job(row, "call_back"))

    def test_answers_that_do_not_count(self):
        row = self.processed()
        for number, (reply, text) in enumerate(
            [
                ((500, b""), "HTTP 500"),
                ((404, ACK), "HTTP 404"),
                ((302, b"", {"Location": self.receiver.url}), "HTTP 302"),
                ((200, b"x" * 100_000), "too long"),
                ((200, b"{", {"Content-Length": 50, "Connection": "close"}), "cut off"),
            ],
            start=1,
        ):
            with self.subTest(text=text):
                self.reply = reply
                self.fails(row, text)
                self.assertEqual(row.callback_attempts, number)
        self.reply = (200, ACK)
        self.run_job(row, "call_back")
        self.assertEqual(row.callback_state, "delivered")
        bodies = [body for _path, body in self.receiver.requests]
        self.assertEqual(bodies, [bodies[0]] * 6)  # message_id included

    def test_others_go_first(self):
        """A slow receiver is not asked again at once when others wait."""
        tried, next_one = self.processed(), self.processed()
        self.reply = (500, b"")
        self.fails(tried, "HTTP 500")
        self.reply = (200, ACK)
        self.receiver.requests.clear()
        self.env.cr.execute(
            "UPDATE g2p_spar_transaction SET callback_seconds = 3 WHERE id = %s",
            [tried.id],
        )
        well = FakePeer(lambda *args: self.reply)
        self.addCleanup(well.stop)
        self.compat.callback_allowed = self.compat.callback_url
        self.compat.callback_url = f"{well.url}/spar"
        other = self.processed()
        for row, attempts in ((next_one, 0), (tried, 1)):
            with self.assertRaises(RetryableJobError) as caught:
                row._job_call_back()
            self.assertIn("others go first", str(caught.exception))
            self.assertTrue(caught.exception.ignore_retry)
            self.assertIn(caught.exception.seconds, range(20, 28))
            self.assertEqual(row.callback_attempts, attempts)
        self.assertFalse(self.receiver.requests)
        self.run_job(other, "call_back")
        self.assertEqual(len(well.requests), 1)
        # nobody else waits any more
        self.run_job(next_one, "call_back")
        self.assertEqual(len(self.receiver.requests), 1)

    def test_pause_ends(self):
        tried, next_one = self.processed(), self.processed()
        self.compat.callback_url = "http://127.0.0.2/spar"
        self.processed()
        for seconds, age, is_left_alone in (
            (0.9, 0, False),
            (2, 15, True),
            (2, 20, False),
            (20, 170, True),
            (20, 190, False),
        ):
            with self.subTest(seconds=seconds, age=age):
                self.env.cr.execute(
                    "UPDATE g2p_spar_transaction SET callback_seconds = %s,"
                    " callback_attempts = 1,"
                    " callback_at = clock_timestamp() AT TIME ZONE 'UTC'"
                    " - make_interval(secs => %s) WHERE id = %s",
                    [seconds, age, tried.id],
                )
                if is_left_alone:
                    with self.assertRaises(RetryableJobError):
                        next_one._let_others_go_first()
                else:
                    next_one._let_others_go_first()

    def test_slow_receiver(self):
        self.set_parameter("callback_seconds", "1")
        self.reply = (200, b"x" * 100, {"X-Drip": "1"})
        self.fails(self.processed(), "in time")

    def test_receiver_that_is_away(self):
        row = self.processed()
        self.receiver.stop()
        self.fails(row, "reached")

    def test_fault_of_the_database(self):
        """What a receiver has said cannot be noted: the result is not given up."""
        row = self.processed()
        with patch.object(
            type(row), "_check_client", side_effect=psycopg2.InterfaceError("closed")
        ):
            self.assertEqual(self.put_off(row, "call_back"), "InterfaceError")
        row._job_call_back_failed(exc_name="psycopg2.OperationalError")
        self.env.invalidate_all()
        self.assertEqual(row.callback_state, "waiting")
        self.run_job(row, "call_back")
        self.assertEqual(row.callback_state, "delivered")

    def test_forbidden_networks(self):
        row = self.processed()
        self.set_parameter("callback_networks", "")
        self.fails(row, "network")
        self.set_parameter("callback_networks", "everything")
        self.fails(row, "callback_networks")
        self.set_parameter("callback_networks", "127.0.0.1/32")
        self.set_parameter("callback_http", "")
        self.fails(row, "https://")
        self.assertFalse(self.receiver.requests)

    def test_address_that_is_not_agreed_upon_any_more(self):
        """What takes a right away works at once, also on results that wait."""
        row = self.processed()
        agreed, self.compat.callback_url = self.compat.callback_url, False
        self.fails(row, "agreed")
        self.assertFalse(self.receiver.requests)
        self.compat.callback_allowed = agreed
        self.run_job(row, "call_back")
        self.assertEqual(len(self.receiver.requests), 1)

    def test_right_to_see_accounts_that_is_gone(self):
        self.link()
        row = self.row(self.post_async("resolve", [self.item(scope="details")]))
        self.run_job(row, "process")
        self.compat.may_see_details = False
        self.run_job(row, "call_back")
        _path, body = self.receiver.requests.pop()
        (result,) = body["message"]["resolve_response"]
        self.assertWire(result, "succ", "succ.id.active")
        self.assertNotIn(self.fa(), str(body))
        self.assertNotIn("account_provider_info", result)
        self.assertIn(self.fa(), row._contents("answer").decode(), "kept as it was")

    def test_right_that_is_gone_before_a_status_is_told(self):
        """A status tells what was looked up, so it is no way around."""
        self.link()
        for operation, as_list in ((None, False), ("resolve", True)):
            with self.subTest(as_list=as_list):
                item = self.item(scope="details")
                self.run_job(self.row(self.post_async("resolve", [item])), "process")
                query = self.query(operation=operation)
                message = self.status_message([query] if as_list else query)
                ack = self.post("txn/status", message, "/mapper").json()["message"]
                row = self.row(ack)
                self.run_job(row, "process")
                self.assertIn(self.fa(), row._contents("answer").decode())
                self.compat.may_see_details = False
                self.run_job(row, "call_back")
                _path, body = self.receiver.requests.pop()
                self.assertNotIn(self.fa(), str(body))
                self.assertNotIn("account_provider_info", str(body))
                self.compat.may_see_details = True

    def test_kind_of_id_that_is_gone_before_what_was_linked_is_told(self):
        """A status that is answered at once tells these accounts no more, either."""
        row = self.processed()
        message = self.status_message(self.query())
        ack = self.post("txn/status", message, "/mapper").json()["message"]
        asked = self.row(ack)
        self.run_job(asked, "process")
        self.compat.state = "test"
        for told in row, asked:
            with self.subTest(told.operation):
                self.assertIn(self.fa(), told._contents("answer").decode())
                self.run_job(told, "call_back")
                _path, body = self.receiver.requests.pop()
                self.assertIn(ID, str(body))
                self.assertNotIn(self.fa(), str(body))

    def test_suspended_client(self):
        row = self.processed()
        self.compat.state = "suspended"
        self.fails(row, "suspended")
        self.assertFalse(self.receiver.requests)

    def test_client_whose_time_is_over(self):
        row = self.processed()
        self.compat.valid_until = fields.Datetime.now() - timedelta(seconds=1)
        self.fails(row, "not valid")
        self.assertFalse(self.receiver.requests)

    def test_given_up_and_sent_again(self):
        self.reply = (500, b"")
        row = self.processed()
        self.fails(row, "HTTP 500")
        self.job(row, "call_back").state = "failed"
        row._job_call_back_failed()
        self.env.invalidate_all()
        self.assertEqual(row.callback_state, "failed")
        auditor = new_test_user(
            self.env, "spar_txn_auditor", "g2p_spar_mapper.group_spar_auditor"
        )
        with self.assertRaises(AccessError):
            row.with_user(auditor).action_call_back()
        row.with_user(self.administrator).action_call_back()
        self.assertEqual(row.callback_state, "waiting")
        with self.assertRaises(UserError):
            row.with_user(self.administrator).action_call_back()
        self.reply = (200, ACK)
        self.run_job(row, "call_back")
        self.assertEqual(row.callback_state, "delivered")

    def test_result_that_is_not_kept(self):
        row = self.processed()
        self.env.cr.execute(
            "UPDATE g2p_spar_transaction SET answer = NULL, callback_state = 'failed'"
        )
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            row.with_user(self.administrator).action_call_back()

    def test_signed_result(self):
        signing = self.env["g2p.spar.signing.key"]
        signing.create({}).action_use()
        self.compat.signed_answers = True
        self.run_job(self.processed(), "call_back")
        (body,), (headers,) = self.receiver.bodies, self.receiver.headers
        published = [
            signature.Key(key.kid, key.alg, key.public)
            for key in keys.read_jwks(signing._jwks())
        ]
        signature.verify(
            signature.parse(headers["Signature"]),
            published,
            signature.header_payloads(body),
        )
