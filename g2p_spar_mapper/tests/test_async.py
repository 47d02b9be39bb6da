# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Asynchronous messages: taken at once, processed by a job."""

import functools
import json
from datetime import datetime, timedelta
from unittest.mock import patch

import psycopg2.errors
from psycopg2.pool import PoolError

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from ..g2p_connect import messages, paths
from ..keyring import get_keyring
from ..models import transaction_job
from ..models.mapper import G2pSparMapper
from .api_case import ASYNC_ROOTS, OPERATIONS, ROOTS, ApiCase

ID = "token:spartest-1@nationalId"
OTHER = "token:spartest-2@nationalId"


@tagged("post_install", "-at_install")
class TestAsync(ApiCase):
    def test_paths(self):
        """What is served where, and that each address is."""
        served = {}
        for path, endpoint in paths.ENDPOINTS.items():
            served.setdefault(endpoint, []).append(path)
        for operation in OPERATIONS:
            readonly = operation == "resolve"
            self.assertEqual(
                served[paths.Endpoint(operation, False, readonly)],
                [f"{root}/{operation}" for root in ROOTS],
            )
            self.assertEqual(
                served[paths.Endpoint(operation, True, False)],
                [f"{root}/{operation}" for root in ASYNC_ROOTS],
            )
        for path in paths.ENDPOINTS:
            response = self.post("", b"{}", root=path)
            self.assertError(response, 400, "err.request.bad", "header")

    def test_all_operations(self):
        for root in ASYNC_ROOTS:
            with self.subTest(root=root):
                item = self.item(ID, fa=self.fa())
                for operation, status, code in (
                    ("link", "succ", None),
                    ("link", "rjct", "rjct.reference_id.duplicate"),
                    ("update", "succ", None),
                    ("resolve", "succ", "succ.id.active"),
                    ("unlink", "succ", None),
                ):
                    header, (result,) = self.call_async(operation, [item], root)
                    self.assertEqual(header["status"], "succ")
                    self.assertEqual(header["action"], f"on-{operation}")
                    self.assertWire(result, status, code)

    def test_ack_then_job(self):
        message = self.message("link", [self.item(ID, fa=self.fa("712000777"))])
        ack = self.post("link", message, ASYNC_ROOTS[0]).json()["message"]
        self.assertEqual(ack["ack_status"], "NACK")
        self.assertTrue(datetime.fromisoformat(ack["timestamp"]).tzinfo)
        row = self.row(ack)
        self.assertEqual(row.state, "rcvd")
        self.assertEqual(self.live_addresses(ID), [])
        job = self.job(row, "process")
        self.assertEqual(job.channel, "root.spar.api")
        self.assertFalse(job.args or job.kwargs)
        for secret in ("spartest-1", "712000777"):
            self.env.cr.execute(
                "SELECT 1 FROM queue_job j, g2p_spar_transaction t"
                " WHERE (j::text || t::text) LIKE %s",
                [f"%{secret}%"],
            )
            self.assertFalse(self.env.cr.fetchall())
        self.run_job(row, "process")
        self.assertEqual(self.live_addresses(ID), [self.fa("712000777")])
        self.assertEqual((row.state, row.done_count), ("succ", 1))
        answer = json.loads(row._contents("answer"))
        sent = message["header"]
        self.assertNotEqual(answer["header"]["message_id"], sent["message_id"])
        self.assertEqual(answer["header"]["receiver_id"], sent["sender_id"])
        event = self.env["g2p.spar.mapping.event"].sudo().search([], limit=1)
        self.assertEqual((event.channel, event.client_id), ("api", self.compat))

    def test_same_message_by_another_address(self):
        for sender in ("compat", "strict"):
            with self.subTest(sender=sender):
                items = [self.item(f"token:spartest-{sender}@nationalId", fa=self.fa())]
                message = self.message("link", items, sender_id=sender)
                first = self.post("link", message, "/async").content
                self.assertEqual(self.post("link", message, "/async").content, first)
                row = self.row(json.loads(first)["message"])
                self.run_job(row, "process")
                # also once it is done, and by another address for the same
                again = self.post("link", message, "/mapper/async").content
                self.assertEqual(again, first)
                self.assertFalse(self.job(row, "process"))

    def test_job_that_runs_twice(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        row._job_process()
        answer = row._contents("answer")
        row._job_process()
        self.assertEqual(row._contents("answer"), answer)

    def test_changes_are_made_in_order(self):
        """Whichever job begins first: the account that was sent last is the one."""
        self.link(ID, self.fa())
        older, newer = (
            self.row(self.post_async("update", [self.item(ID, fa=self.fa(number))]))
            for number in ("712000001", "712000002")
        )
        look_up = self.row(self.post_async("resolve", [self.item(ID)]))
        self.run_job(newer, "process")
        self.assertEqual(newer.state, "rcvd")
        self.run_job(look_up, "process")  # need not wait
        self.assertEqual(look_up.state, "succ")
        with patch.object(
            G2pSparMapper, "_update", side_effect=SparTransientError("x")
        ):
            self.put_off(older, "process")
        newer._job_process()
        self.assertEqual(newer.state, "rcvd")
        self.run_job(older, "process")
        # the older one has given it a job
        (job,) = self.env["queue.job"].search(
            [("method_name", "=", "_job_process"), ("state", "=", "pending")]
        )
        self.assertEqual(job.records, newer)
        newer._job_process()
        self.assertEqual(self.live_addresses(ID), [self.fa("712000002")])

    def test_message_that_is_lost_holds_nobody_up(self):
        older, newer = (
            self.row(self.post_async("link", [self.item(wire_id, fa=self.fa())]))
            for wire_id in (ID, OTHER)
        )
        self.env.cr.execute(
            "UPDATE g2p_spar_transaction SET request = %s WHERE id = %s",
            [f"{get_keyring().current}:AAAA", older.id],
        )
        self.env.invalidate_all()
        self.run_job(newer, "process")
        self.assertEqual(newer.state, "rcvd")
        with mute_logger("odoo.addons.g2p_spar_mapper.models.transaction_job"):
            older._job_process_failed()
        self.env.invalidate_all()
        self.assertEqual(older.state, "rjct")
        newer._job_process()
        self.assertEqual(newer.state, "succ")

    def test_others_need_not_wait(self):
        self.post_async("link", [self.item(ID, fa=self.fa())], sender_id="compat")
        row = self.row(
            self.post_async(
                "link", [self.item(OTHER, fa=self.fa())], sender_id="strict"
            )
        )
        self.run_job(row, "process")
        self.assertEqual(row.state, "succ")

    def test_passing_fault(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        fault = SparTransientError("later")
        with patch.object(G2pSparMapper, "_link", side_effect=fault):
            self.assertEqual(self.put_off(row, "process"), "later")
        self.assertEqual(row.state, "pdng")
        self.run_job(row, "process")
        self.assertEqual(row.state, "succ")
        self.assertTrue(self.live_addresses(ID))

    def test_fault_of_the_database(self):
        """A connection that breaks is no reason to refuse what was taken."""
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        for fault in (
            psycopg2.InterfaceError("cursor already closed"),
            psycopg2.OperationalError("server closed the connection"),
            PoolError("The Connection Pool Is Full"),
        ):
            with (
                self.subTest(fault=fault),
                patch.object(G2pSparMapper, "_link", side_effect=fault),
            ):
                # not the database's own words
                self.assertEqual(self.put_off(row, "process"), type(fault).__name__)
                self.assertEqual(row.state, "pdng")
        self.run_job(row, "process")
        self.assertEqual(row.state, "succ")

    def test_connection_of_the_job_that_breaks(self):
        """Then the job cannot ask to be run again: it has failed before."""
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        for name in ("InterfaceError", "OperationalError", "errors.AdminShutdown"):
            row._job_process_failed(exc_name=f"psycopg2.{name}")
            self.env.invalidate_all()
            self.assertEqual(row.state, "rcvd", name)
        row._job_process_failed(exc_name="psycopg2.errors.DataException")
        self.env.invalidate_all()
        self.assertEqual(row.state, "rjct")

    def test_lasting_fault(self):
        """The client is told, when the job gives up."""
        self.compat.callback_url = "https://pay.example.org/spar"
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        with (
            patch.object(G2pSparMapper, "_link", side_effect=ValueError),
            self.assertRaises(ValueError),
        ):
            self.run_job(row, "process")
        row._job_process_failed()
        self.env.invalidate_all()
        self.assertEqual((row.state, row.done_count), ("rjct", 0))
        self.assertEqual(row.callback_state, "waiting")
        self.assertTrue(self.job(row, "call_back"))
        answer = json.loads(row._contents("answer"))
        self.assertEqual(answer["header"]["status"], "rjct")
        self.assertEqual(answer["header"]["action"], "on-link")
        (result,) = answer["message"]["link_response"]
        self.assertWire(result, "rjct", None)
        self.assertEqual(result["id"], ID)

    def test_client_suspended_meanwhile(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        self.compat.state = "suspended"
        self.run_job(row, "process")
        self.assertEqual(row.state, "rjct")
        self.assertEqual(self.live_addresses(ID), [])

    def test_time_of_the_client_over_meanwhile(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        self.compat.valid_until = fields.Datetime.now() - timedelta(seconds=1)
        self.run_job(row, "process")
        self.assertEqual(row.state, "rjct")
        self.assertEqual(self.live_addresses(ID), [])

    def test_providers_are_limited_later_too(self):
        own = self.fsp.copy({"name": "Own Wallet", "code": "OWNWALLET"})
        answers = {"fsp": own.id, "mobile_number": "+254712345678"}
        own_fa = self.account_type._compose(answers).fa
        self.link()
        self.compat.write({"fsp_ids": own.ids, "may_override": True})

        def named(provider, consent):
            return [{"current_provider": provider}, {"consent_reference": consent}]

        good = named("TESTWALLET", "C-1")
        for operation, wire_id, fa, info, status in (
            ("link", OTHER, self.fa(), [], "rjct"),
            ("link", OTHER, self.fa(), good, "rjct"),
            ("update", ID, own_fa, [], "rjct"),
            ("update", ID, own_fa, named("OWNWALLET", "C-1"), "rjct"),
            ("update", ID, own_fa, named("TESTWALLET", " "), "rjct"),
            ("update", ID, self.fa("799999999"), good, "rjct"),
            ("unlink", ID, "", [], "rjct"),
            ("unlink", ID, "", named("TESTWALLET", ""), "rjct"),
            ("update", ID, own_fa, good, "succ"),
            ("unlink", ID, "", [], "succ"),
        ):
            with self.subTest(operation=operation, info=info):
                item = self.item(wire_id, additional_info=info, fa=fa)
                _header, (result,) = self.call_async(operation, [item])
                self.assertEqual(result["status"], status, result)

    def test_right_lost_meanwhile(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        self.compat.may_link = False
        self.run_job(row, "process")
        self.assertEqual(row.state, "rjct")
        self.assertEqual(self.live_addresses(ID), [])

    def test_nothing_is_taken_that_is_not_stored(self):
        """No Ack without a row and its job."""
        queue = type(self.env["g2p.spar.transaction"])
        fault = psycopg2.errors.AdminShutdown("terminating connection")
        with (
            patch.object(queue, "_enqueue", side_effect=fault),
            mute_logger("odoo.addons.g2p_spar_mapper.faults"),
        ):
            response = self.post(
                "link", self.message("link", [self.item(ID)]), ASYNC_ROOTS[0]
            )
        self.assertError(response, 503, "err.service.unavailable")
        self.assertFalse(self.env["g2p.spar.transaction"].search([]))

    def test_message_that_could_not_be_read_again(self):
        """A job has less room than the server that took the message."""
        message = self.message("link", [self.item(ID, fa=self.fa())])
        for depth, status in ((90, 200), (101, 400), (400, 400)):
            with self.subTest(depth=depth):
                value = functools.reduce(lambda inner, _n: [inner], range(depth), 1)
                message["header"]["meta"] = value
                response = self.post("link", message, ASYNC_ROOTS[0])
                self.assertEqual(response.status_code, status, response.text)
        self.assertError(response, 400, "err.request.bad", "nested too deeply")
        row = self.env["g2p.spar.transaction"].search([])
        self.run_job(row, "process")
        self.assertTrue(self.live_addresses(ID))

    def test_message_that_cannot_be_read_any_more(self):
        """A fault in telling that the job failed would keep the job's place taken."""
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        fault = messages.MessageError("body: cannot be read")
        with (
            patch.object(messages, "decode_request", side_effect=fault),
            self.assertLogs("odoo.addons.g2p_spar_mapper.models.transaction_job"),
        ):
            row._job_process_failed()
        self.env.invalidate_all()
        self.assertEqual(row.state, "rjct", "or later ones would wait for ever")

    def test_message_whose_key_is_away(self):
        """It is done when the key is put back."""
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        queue = type(self.env["g2p.spar.transaction"])
        with (
            patch.object(queue, "_contents", return_value=None),
            self.assertLogs("odoo.addons.g2p_spar_mapper.models.transaction_job"),
        ):
            row._job_process_failed()
        self.env.invalidate_all()
        self.assertEqual(row.state, "rcvd")

    def test_stranded_messages(self):
        row = self.row(self.post_async("link", [self.item(ID, fa=self.fa())]))
        self.job(row, "process").unlink()
        row._cron_enqueue_stranded()
        self.assertFalse(self.job(row, "process"))
        at = fields.Datetime.now() - timedelta(hours=1)
        self.env.cr.execute("UPDATE g2p_spar_transaction SET received_at = %s", [at])
        self.env.invalidate_all()
        for _time in range(2):
            row._cron_enqueue_stranded()
        self.assertEqual(len(self.job(row, "process")), 1)

    def test_stranded_behind_those_that_wait(self):
        """Messages that wait for another, or have a job, do not hide one that lost its
        own."""
        self.compat.callback_url = "https://pay.example.org/spar"
        done, *waiting, own, lost = (
            self.row(
                self.post_async(
                    "link",
                    [self.item(f"token:spartest-{n}@nationalId", fa=self.fa())],
                    sender_id=sender,
                )
            )
            for n, sender in enumerate(["compat"] * 5 + ["strict"])
        )
        self.run_job(done, "process")
        for row in (*waiting, own, lost):
            self.job(row, "process").unlink()
        self.env["queue.job"].search([("identity_key", "=", False)]).unlink()
        at = fields.Datetime.now() - timedelta(hours=1)
        self.env.cr.execute("UPDATE g2p_spar_transaction SET received_at = %s", [at])
        self.env.invalidate_all()
        with patch.object(transaction_job, "STRANDED_MOST", 2):
            done._cron_enqueue_stranded()
        self.assertTrue(self.job(waiting[0], "process"))
        self.assertFalse(self.job(waiting[1], "process"), "it waits for that one")
        self.assertTrue(self.job(lost, "process"))
        # of call-backs, too
        self.run_job(waiting[0], "process")
        self.job(waiting[0], "call_back").unlink()
        with patch.object(transaction_job, "STRANDED_MOST", 1):
            done._cron_enqueue_stranded()
        self.assertTrue(self.job(waiting[0], "call_back"))
