# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import UserError
from odoo.tests.common import tagged

from odoo.addons.g2p_spar_mapper.outcomes import INVALID_FA, NOT_LINKED, OK
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from .common import ID, RemoteCase


@tagged("post_install", "-at_install")
class TestChangeRemote(RemoteCase):
    """Changes with a mapper elsewhere: what is known survives each fault."""

    def test_whole_life(self):
        change = self.submit(holder_name="Ada", phone="+254712345678")
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertEqual(change.connector_id, self.remote)
        (item,) = self.mapper.items("link")
        self.assertEqual(item["reference_id"], change.reference)
        self.assertEqual((item["id"], item["fa"]), (ID, self.address().fa))
        self.assertEqual((item["name"], item["phone_number"]), ("Ada", "+254712345678"))
        self.assertEqual(item["additional_info"][0]["strategy_id"], 2)

        change = self.submit(address=self.wallet_address())
        self.perform(change)
        self.assertEqual(change.state, "done")
        self.assertEqual(len(self.mapper.items("update")), 1)

        change = self.submit(operation="remove")
        self.perform(change)
        self.assertEqual(change.state, "done")
        self.assertFalse(self.peer.linked)
        self.assertEqual(self.look_up().code, NOT_LINKED)

    def _fail_at(self, verb, status):
        """Let the mapper not even see what is asked with this verb."""
        self.reply = lambda asked, request: (
            (status, b"") if asked == verb else self.peer(asked, request)
        )

    def test_fault_is_kept_and_tried_again(self):
        self._fail_at("link", 503)
        change = self.submit()
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.assertEqual((change.state, change.attempts), ("applying", 1))
        self.assertTrue(change.is_sent)
        self.assertIn("HTTP 503", change.fault)
        self.assertIn("tried again by itself", change.message)
        with self.assertRaisesRegex(UserError, "cannot be cancelled"):
            change._cancel()

        self.reply = self.peer
        self.perform(change)
        self.assertEqual((change.state, change.attempts), ("done", 2))

    def test_nothing_was_sent_when_the_look_up_failed(self):
        self._fail_at("resolve", 503)
        change = self.submit()
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.assertEqual((change.state, change.attempts), ("queued", 1))
        self.assertFalse(change.is_sent)
        self.assertIn("HTTP 503", change.fault)
        self.assertIn("tried again by itself", change.message)
        change._cancel()

        self.reply = self.peer
        self.perform(change)
        self.assertEqual(change.state, "cancelled")
        self.assertFalse(self.peer.linked)

    def test_change_cancelled_during_the_look_up_is_not_sent(self):
        change = self.submit()
        call = type(self.remote)._call

        def resolve_then_cancel(connector, operation, items, actor):
            outcomes = call(connector, operation, items, actor)
            change._cancel()
            return outcomes

        self.patch(type(self.remote), "_call", resolve_then_cancel)
        self.perform(change)
        self.assertEqual(change.state, "cancelled")
        self.assertIn("Cancelled before", change.message)
        self.assertFalse(self.peer.linked)

    def test_back_off_grows(self):
        job = self.job_of(self.submit())
        waits = []
        for job.retry in (1, 3, 6, 12, 18, 30):
            waits.append(job._get_retry_seconds())
        self.assertEqual(waits, [10, 60, 300, 1800, 3600, 3600])

    def _lose_answers_to(self, lost, status=504):
        def reply(verb, request):
            answer = self.peer(verb, request)
            return (status, b"") if verb == lost else answer

        self.reply = reply

    def test_lost_answer_to_link_is_not_sent_twice(self):
        self._lose_answers_to("link")
        change = self.submit()
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.assertEqual(self.peer.linked[ID]["fa"], self.address().fa)
        self.reply = self.peer
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertEqual(len(self.mapper.items("link")), 1)
        self.assertFalse(self.mapper.items("update"))

    def test_lost_answer_to_unlink_counts_as_removed(self):
        self.perform(self.submit())
        self._lose_answers_to("unlink")
        change = self.submit(operation="remove")
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.reply = self.peer
        self.perform(change)
        self.assertEqual(change.state, "done")

    def test_remove_of_nothing_is_refused_at_once(self):
        change = self.submit(operation="remove")
        self.perform(change)
        self.assertEqual(change.state, "refused")

    def test_remove_of_nothing_is_refused_after_a_fault(self):
        self._fail_at("resolve", 500)
        change = self.submit(operation="remove")
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.reply = self.peer
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("refused", NOT_LINKED))

    def test_somebody_else_links_in_between(self):
        def reply(verb, request):
            if verb == "link":  # the other one is faster
                item = request["message"]["link_request"][0]
                self.peer.linked[item["id"]] = {"id": item["id"], "fa": "theirs"}
            return self.peer(verb, request)

        self.reply = reply
        change = self.submit()
        self.assertIsInstance(self.fail_job(change), RetryableJobError)
        self.perform(change)
        self.assertEqual(change.state, "done")
        self.assertEqual(self.peer.linked[ID]["fa"], self.address().fa)

    def test_refusal_is_final_and_in_plain_words(self):
        def reply(verb, request):
            status, answer = self.peer(verb, request)
            if verb == "link":
                answer["message"]["link_response"][0].update(
                    status="rjct", status_reason_code="rjct.fa.invalid"
                )
            return status, answer

        self.reply = reply
        change = self.submit()
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("refused", INVALID_FA))
        self.assertIn("does not accept this account", change.message)
        self.assertFalse(change.applied_at)

    def test_configuration_fault_fails_the_job(self):
        self.reply = lambda verb, request: (401, {"errors": []})
        change = self.submit()
        error = self.fail_job(change)
        self.assertIsInstance(error, FailedJobError)
        self.give_up(change, error)
        self.assertEqual(change.state, "failed")
        self.assertIn("HTTP 401", change.fault)
        self.assertIn("could not be applied", change.message)
        self.assertNotIn(ID, change.message + change.fault)

        self.reply = self.peer
        change.with_user(self.env.ref("base.user_admin")).action_retry()
        self.assertEqual(change.state, "queued")
        self.perform(change)
        self.assertEqual(change.state, "done")

    def test_nobody_knows_what_became_of_a_change_that_was_sent(self):
        self._lose_answers_to("link", 403)
        change = self.submit()
        self.give_up(change, self.fail_job(change))
        self.assertEqual((change.state, change.is_sent), ("failed", True))
        self.assertIn("not known whether", change.message)
        self.assertNotIn("could not be applied", change.message)

        self.reply = self.peer
        change.with_user(self.env.ref("base.user_admin")).action_retry()
        self.assertEqual(change.state, "applying")
        with self.assertRaisesRegex(UserError, "cannot be cancelled"):
            change._cancel()  # it may have been applied
        self.perform(change)
        self.assertEqual(change.state, "done")
        self.assertEqual(len(self.mapper.items("link")), 1)

    def test_later_change_waits_for_one_being_retried(self):
        self.reply = lambda verb, request: (503, b"")
        first = self.submit()
        second = self.submit(address=self.wallet_address())
        self.assertFalse(self.fail_job(first).ignore_retry)
        sent = len(self.mapper.requests)
        self.assertTrue(self.fail_job(second).ignore_retry)
        self.assertEqual(len(self.mapper.requests), sent)

    def test_newer_change_that_may_have_been_applied_stays(self):
        old = self.submit()
        self.give_up(old, FailedJobError("x"))
        self._lose_answers_to("link")
        new = self.submit(address=self.wallet_address())
        self.assertIsInstance(self.fail_job(new), RetryableJobError)
        old.state = "queued"  # the click on "start again" saw no newer change
        old._enqueue()
        self.perform(old)
        self.assertEqual((old.state, old.outcome), ("failed", "overtaken"))
        self.assertEqual(self.peer.linked[ID]["fa"], self.wallet_address().fa)

    def test_unusable_account_can_be_replaced_and_removed(self):
        self.peer.linked[ID] = {"id": ID, "fa": "account:1\n@bank"}
        change = self.submit()
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertEqual(self.peer.linked[ID]["fa"], self.address().fa)

        self.peer.linked[ID]["fa"] = "account:1\n@bank"
        change = self.submit(operation="remove")
        self.perform(change)
        self.assertEqual((change.state, change.outcome), ("done", OK))
        self.assertFalse(self.peer.linked)
