# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What the API answers to each situation: row 24, messages sent again, rows 32 and 33,
where results go, and rows 37 and 38, asking for them."""

import json
from unittest.mock import patch

from odoo.tests import tagged

from .. import replay
from .api_case import OPERATIONS
from .row_case import ID, OTHER, RowCase, only_async, only_sync

RECEIVER = "https://pay.example.org/spar"


@tagged("post_install", "-at_install")
class TestApiTransactionRows(RowCase):
    def events(self):
        return self.env["g2p.spar.mapping.event"].sudo().search_count([])

    def ask(self, query, **header):
        """Ask what became of a message; give the answer's header and message."""
        answer = self.send("txn/status", self.status_message(query, **header))
        if self.is_async:
            row = self.row(answer["message"])
            self.run_job(row, "process")
            answer = json.loads(row._contents("answer"))
        self.assertEqual(answer["header"]["action"], "txn-on-status")
        return answer["header"], answer["message"]

    # --- sent again -------------------------------------------------------------------

    def row_24a_same_message(self):
        item = self.item(ID, fa=self.fa())
        for operation in ("link", "update", "unlink"):
            with self.subTest(operation=operation):
                if operation == "update":
                    item["fa"] = self.fa("799999999")
                body = json.dumps(self.message(operation, [item]))
                first = self.post(operation, body, self.root).content
                self.assertEqual(self.post(operation, body, self.root).content, first)
                if self.is_async:
                    row = self.row(json.loads(first)["message"])
                    self.run_job(row, "process")
                events = self.events()
                self.assertEqual(self.post(operation, body, self.root).content, first)
                self.assertEqual(self.events(), events)
                self.assertFalse(self.is_async and self.job(row, "process"))
        self.assertEqual(self.live_addresses(ID), [])
        self.assertEqual(events, 3)

    def row_24a_same_look_up(self):
        """It changes nothing, and is looked up again: what is found may have changed.
        Who may use a message id only once is told that it is the same message."""
        body = json.dumps(self.message("resolve", [self.item(ID)]))
        answers = [
            json.loads(self.post("resolve", body, self.root).content)["message"]
            for _time in range(2)
        ]
        correlations = {answer["correlation_id"] for answer in answers}
        is_same = self.is_strict or self.is_async
        self.assertEqual(len(correlations), 1 if is_same else 2)
        if not self.is_async:
            results = [answer["resolve_response"][0] for answer in answers]
            for result in results:
                self.assertWire(result, "succ", "succ.id.not_found")

    def row_24b_another_message_with_the_same_id(self):
        """Compatible clients use one id for all they send."""
        self.link()
        for operation in OPERATIONS:
            with self.subTest(operation=operation):
                first = self.message(operation, [self.item(ID)], message_id=operation)
                sent = self.send(operation, first)
                if self.is_async:  # later changes wait until it is done
                    self.run_job(self.row(sent["message"]), "process")
                items, name = (
                    [self.item(OTHER, fa=self.fa())],
                    {"message_id": operation},
                )
                if self.is_strict:
                    code = "rjct.message_id.duplicate"
                    self.assertWhole(operation, items, code, "err.request.bad", **name)
                    self.assertEqual(self.live_addresses(OTHER), [])
                else:
                    header, _results = self.call(operation, items, **name)
                    self.assertEqual(header["status"], "succ")

    @only_sync
    def row_24b_still_running(self):
        """The first copy does not end; the second gives up waiting and goes on."""
        items = [self.item(ID, fa=self.fa())]
        with self.env.registry._db.cursor() as other:  # a real connection of its own
            other.execute("SELECT pg_advisory_lock(742001)")
            with patch.object(
                replay,
                "CLAIM",
                "SAVEPOINT spar_claim; SET LOCAL lock_timeout = 50;"
                "SELECT pg_advisory_lock(742001)",
            ):
                header, results = self.call("link", items)
        self.assertRefused(header, results, "rjct.message_id.duplicate", items)
        self.assertEqual(self.live_addresses(ID), [])

    # --- where the result goes --------------------------------------------------------

    @only_async
    def row_32_sender_uri(self):
        self.client.callback_allowed = RECEIVER
        for uri in (
            "https://evil.example.org/spar",
            "https://pay.example.org/sparx",
            "http://pay.example.org/spar",
            "https://pay.example.org/spar/../x",
            "\x00https://pay.example.org/spar",
            "not an address",
        ):
            with self.subTest(uri=uri):
                ack = self.post_async("link", [self.item(ID)], sender_uri=uri)
                self.assertNotTaken(ack, "err.sender_uri.invalid")
        ack = self.post_async("link", [self.item(ID)], sender_uri=f"{RECEIVER}/a")
        self.assertEqual(ack["ack_status"], "ACK")
        self.assertEqual(self.row(ack).callback_url, f"{RECEIVER}/a")

    @only_async
    def row_33_nowhere_to_send_the_result(self):
        for nothing in ("", None):
            with self.subTest(nothing=nothing):
                item = self.item(f"token:spartest-{nothing}@nationalId", fa=self.fa())
                ack = self.post_async("link", [item], sender_uri=nothing)
                self.assertEqual(ack["ack_status"], "NACK")
                self.assertTrue(ack["correlation_id"])
                self.assertNotIn("error", ack)
                row = self.row(ack)
                self.run_job(row, "process")
                self.assertTrue(self.live_addresses(item["id"]))
                self.assertEqual(row.callback_state, "none")
                self.assertFalse(self.job(row, "call_back"))
                query = self.query(ack["correlation_id"], "correlation_id")
                header, message = self.ask(query)
                self.assertEqual(header["status"], "succ")
                status = message["txnstatus_response"]["txn_status"]
                self.assertEqual(status["link_response"][0]["status"], "succ")

    @only_async
    def row_33_default_address(self):
        self.client.callback_url = RECEIVER
        ack = self.post_async("link", [self.item(ID)], sender_uri=None)
        self.assertEqual(ack["ack_status"], "ACK")
        self.assertEqual(self.row(ack).callback_url, RECEIVER)

    # --- asking for it ----------------------------------------------------------------

    def row_37_status_known(self):
        _header, sent = self.call("link", [self.item(ID, fa=self.fa())])
        header, message = self.ask(self.query())
        self.assertEqual(header["status"], "succ")
        self.assertNotIn("status_reason_code", header)
        self.assertEqual((header["total_count"], header["completed_count"]), (1, 1))
        self.assertEqual(message["transaction_id"], "s1")
        response = message["txnstatus_response"]
        self.assertEqual(response["txn_type"], "on-link")
        self.assertEqual(response["txn_status"]["transaction_id"], "t1")
        self.assertEqual(response["txn_status"]["link_response"], sent)

    def row_37_status_while_it_runs(self):
        items = [self.item(ID, fa=self.fa()), self.item(OTHER, reference_id="r2")]
        ack = self.post_async("link", items)
        query = self.query(ack["correlation_id"], "correlation_id")
        for state in ("rcvd", "pdng"):
            self.env.cr.execute(
                "UPDATE g2p_spar_transaction SET state = %s WHERE correlation_id = %s",
                [state, ack["correlation_id"]],
            )
            self.env.invalidate_all()
            header, message = self.ask(query)
            self.assertEqual(header["status"], "succ")
            self.assertEqual((header["total_count"], header["completed_count"]), (2, 0))
            results = message["txnstatus_response"]["txn_status"]["link_response"]
            self.assertEqual([result["status"] for result in results], [state] * 2)
            self.assertEqual([result["id"] for result in results], [ID, OTHER])
        self.run_job(self.row(ack), "process")
        header, message = self.ask(query)
        self.assertEqual((header["total_count"], header["completed_count"]), (2, 2))
        results = message["txnstatus_response"]["txn_status"]["link_response"]
        self.assertEqual([result["status"] for result in results], ["succ", "rjct"])

    def row_38_status_unknown(self):
        self.link()
        self.assertUnknown(self.query("t2"))
        self.assertUnknown(self.query("t1", "correlation_id"))
        self.assertUnknown(self.query(["r9"], "reference_id_list"))

    def row_38_status_of_another_client(self):
        ack = self.post_async("link", [self.item(ID, fa=self.fa())])
        named = self.query(ack["correlation_id"], "correlation_id")
        others = [code for code in self.clients if code != self.client.code]
        for code in others:
            with self.subTest(code=code):
                self.assertUnknown(self.query(), sender_id=code)
                self.assertUnknown(named, sender_id=code)

    def assertUnknown(self, query, **header):
        if self.is_async:
            message = self.status_message(query, **header)
            ack = self.send("txn/status", message)["message"]
            self.assertNotTaken(ack, "err.request.not_found")
            return
        answer_header, message = self.ask(query, **header)
        self.assertEqual(answer_header["status"], "rjct")
        self.assertNotIn("status_reason_code", answer_header)
        self.assertTrue(answer_header["status_reason_message"])
        response = message["txnstatus_response"]
        self.assertEqual(response["txn_type"], "on-link")
        self.assertEqual(response["txn_status"]["link_response"], [])
