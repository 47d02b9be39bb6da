# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What became of an earlier message."""

import json
import time
from unittest.mock import patch

from odoo.tests import tagged

from .. import reads
from ..models import transaction
from .api_case import ASYNC_ROOTS, ROOTS, ApiCase
from .fake_peer import FakePeer, ReachesPeers

ID = "token:spartest-1@nationalId"
OTHER = "token:spartest-2@nationalId"
SPEC_PATH = "/registry/sync"


@tagged("post_install", "-at_install")
class TestStatus(ReachesPeers, ApiCase):
    def ask(self, query, root=ROOTS[0], **kwargs):
        message = self.status_message(query, **kwargs)
        response = self.post("txn/status", message, root)
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        self.assertEqual(answer["header"]["action"], "txn-on-status")
        return answer["header"], answer["message"]

    def assertUnknown(self, answer):
        header, message = answer
        self.assertEqual(header["status"], "rjct")
        self.assertNotIn("status_reason_code", header)
        self.assertTrue(header["status_reason_message"])
        response = message["txnstatus_response"]
        self.assertEqual(response["txn_type"], "on-link")
        self.assertEqual(response["txn_status"]["link_response"], [])

    def test_every_address(self):
        message = self.message("link", [self.item(ID, fa=self.fa())])
        sent = self.post("link", message).json()["message"]
        for root in (*ROOTS, SPEC_PATH):
            header, answer = self.ask(self.query(), root)
            self.assertEqual(header["status"], "succ")
            self.assertEqual((header["total_count"], header["completed_count"]), (1, 1))
            self.assertEqual(answer["transaction_id"], "s1")
            self.assertEqual(answer["correlation_id"], sent["correlation_id"])
            self.assertEqual(
                answer["txnstatus_response"],
                {"txn_type": "on-link", "txn_status": sent},
            )

    def test_unknown(self):
        self.link()
        for query in (
            self.query("t2"),
            self.query(""),
            self.query("a\x00b"),
            self.query([]),
            self.query("t1", "correlation_id"),
            self.query(["r9"], "reference_id_list"),
        ):
            with self.subTest(query=query):
                self.assertUnknown(self.ask(query))
        header, _answer = self.ask(self.query(operation="update"))
        self.assertEqual(header["status"], "rjct")

    def test_unknown_name_that_no_answer_may_hold(self):
        _header, message = self.ask(self.query("x" * 150))
        self.assertEqual(
            message["txnstatus_response"]["txn_status"]["transaction_id"], ""
        )

    def test_references(self):
        items = [
            self.item(f"token:spartest-{n}@nationalId", fa=self.fa(), reference_id=n)
            for n in "abc"
        ]
        self.call("link", items)
        query = self.query(["c", "a", "x"], "reference_id_list")
        _header, answer = self.ask(query, transaction_id="t1")
        results = answer["txnstatus_response"]["txn_status"]["link_response"]
        self.assertEqual([result["reference_id"] for result in results], ["a", "c"])

    def test_references_of_a_transaction_of_many_messages(self):
        """What is known is not called unknown, however many came after it."""
        self.compat.item_limit = 1
        for name in "abc":
            wire_id = f"token:spartest-{name}@nationalId"
            self.call("link", [self.item(wire_id, fa=self.fa(), reference_id=name)])
        query = self.query(["a"], "reference_id_list")
        header, answer = self.ask(query, transaction_id="t1")
        results = answer["txnstatus_response"]["txn_status"]["link_response"]
        self.assertEqual([result["reference_id"] for result in results], ["a"])
        with patch.object(transaction, "MOST_SEARCHED", 2):
            header, _answer = self.ask(query, transaction_id="t1")
        self.assertEqual(header["status"], "succ")
        self.assertIn("Only the latest", header["status_reason_message"])

    def test_many_references_in_many_messages(self):
        """The time is that of the longer of the two, not of one times the other."""
        for number in range(100):
            item = self.item(ID, reference_id=f"r{number}")
            self.call("unlink", [item])
        names = [f"none-{number}" for number in range(200_000)]
        query = self.query([*names, "r7"], "reference_id_list", "unlink")
        started = time.monotonic()
        _header, answer = self.ask(query, transaction_id="t1")
        self.assertLess(time.monotonic() - started, 3)
        (result,) = answer["txnstatus_response"]["txn_status"]["unlink_response"]
        self.assertEqual(result["reference_id"], "r7")

    def test_completed_count(self):
        """Counts what is finished while another message of the transaction is not."""
        self.link()
        self.post_async("link", [self.item(OTHER, fa=self.fa(), reference_id="r2")])
        header, _answer = self.ask(self.query())
        self.assertEqual((header["total_count"], header["completed_count"]), (2, 1))
        query = self.query(["r1"], "reference_id_list")
        header, _answer = self.ask(query, transaction_id="t1")
        self.assertEqual((header["total_count"], header["completed_count"]), (1, 1))

    def look_up_results(self):
        _header, answer = self.ask(self.query(operation="resolve"))
        return answer["txnstatus_response"]["txn_status"]["resolve_response"]

    def test_accounts_of_a_look_up(self):
        """They are told as long as the client may see them, and accounted for."""
        self.link()
        self.call_async("resolve", [self.item(ID, scope="details")])
        reads.flush(self.env.cr)
        domain = [("client_id", "=", self.compat.id)]
        before = self.env["g2p.spar.read"].sudo().search_count(domain)
        (result,) = self.look_up_results()
        self.assertEqual(result["fa"], self.fa())
        reads.flush(self.env.cr)
        rows = self.env["g2p.spar.read"].sudo().search(domain)
        self.assertEqual(len(rows), before + 1)
        for name in ("may_see_details", "may_resolve"):
            with self.subTest(name):
                self.compat[name] = False
                (result,) = self.look_up_results()
                self.assertWire(result, "succ", "succ.id.active")
                self.assertNotIn(self.fa(), json.dumps(result))
                self.assertNotIn("account_provider_info", result)
                self.assertNotIn("additional_info", result)
                self.compat[name] = True
        reads.flush(self.env.cr)
        rows = self.env["g2p.spar.read"].sudo().search(domain)
        self.assertEqual(len(rows), before + 1)

    def test_accounts_of_ids_that_the_client_may_not_name_any_more(self):
        """Taken back to test, where one administrator opens its networks, it is told
        no more of people's accounts, not even of those it has linked."""
        self.link()
        self.compat.may_resolve = False  # which is another right
        query = self.query()

        def get_result():
            _header, answer = self.ask(query)
            (result,) = answer["txnstatus_response"]["txn_status"]["link_response"]
            return result

        self.assertEqual(get_result()["fa"], self.fa())
        self.compat.state = "test"
        result = get_result()
        self.assertWire(result, "succ", None)
        self.assertNotIn(self.fa(), json.dumps(result))
        self.assertNotIn("additional_info", result)

    def test_account_that_was_looked_up_by_the_account(self):
        self.link()
        self.call_async("resolve", [self.item("", fa=self.fa(), scope="details")])
        (result,) = self.look_up_results()
        self.assertEqual(result["fa"], self.fa())
        self.compat.may_resolve_by_fa = False
        (result,) = self.look_up_results()
        self.assertEqual(result["fa"], "")

    def test_one_request_is_one_read(self):
        """However many queries and messages it is about; each is opened once."""
        self.link()
        for name in ("r1", "r2"):
            item = self.item(ID, scope="details", reference_id=name)
            self.call_async("resolve", [item])
        reads.flush(self.env.cr)
        domain = [("client_id", "=", self.compat.id)]
        before = self.env["g2p.spar.read"].sudo().search_count(domain)
        query = self.query(["r1", "r2"], "reference_id_list", operation="resolve")
        with patch.object(
            type(self.env["g2p.spar.transaction"]),
            "_contents",
            autospec=True,
            side_effect=type(self.env["g2p.spar.transaction"])._contents,
        ) as opened:
            self.ask([query] * 20, transaction_id="t1")
        self.assertEqual(opened.call_count, 2)
        reads.flush(self.env.cr)
        rows = self.env["g2p.spar.read"].sudo().search(domain)
        self.assertEqual(len(rows), before + 1)
        self.assertEqual((rows[0].id_count, rows[0].found_count), (40, 40))

    def test_transaction_of_several_messages(self):
        for wire_id in (ID, OTHER):
            self.link(wire_id)
        self.call("unlink", [self.item(ID)])
        header, answer = self.ask(self.query())
        self.assertEqual(header["total_count"], 2)
        results = answer["txnstatus_response"]["txn_status"]["link_response"]
        self.assertEqual([result["id"] for result in results], [ID, OTHER])
        # no more than fits into one message
        self.compat.item_limit = 1
        _header, answer = self.ask(self.query())
        results = answer["txnstatus_response"]["txn_status"]["link_response"]
        self.assertEqual([result["id"] for result in results], [OTHER])

    def test_queries_about_more_than_fits_into_one_message(self):
        """A short list could ask for the results of many long messages."""
        items = [self.item(ID, fa=self.fa()), self.item(OTHER, fa=self.fa())]
        self.call("link", items)
        query = self.query()
        for limit, count, status in ((4, 2, 200), (3, 2, 400), (2, 1, 200)):
            with self.subTest(limit=limit, count=count):
                self.compat.item_limit = limit
                for root in (ROOTS[0], ASYNC_ROOTS[0]):
                    message = self.status_message([query] * count)
                    response = self.post("txn/status", message, root)
                    self.assertEqual(response.status_code, status, response.text)

    def test_any_operation(self):
        self.link()
        self.call("unlink", [self.item(ID)])
        _header, answer = self.ask(self.query(operation=None))
        self.assertEqual(answer["txnstatus_response"]["txn_type"], "on-unlink")

    def test_list_of_queries(self):
        """As OpenG2P's libraries ask, and read the answer."""
        self.link()
        queries = [self.query(), self.query("unknown", operation="update")]
        header, answer = self.ask(queries, action="status", total_count=2)
        self.assertEqual(header["status"], "succ")
        known, unknown = answer["txnstatus_response"]
        self.assertEqual(known["txn_type"], "link")
        self.assertEqual(len(known["txn_status"]["link_response"]), 1)
        self.assertEqual(unknown["txn_type"], "update")
        self.assertEqual(unknown["txn_status"]["update_response"], [])

    def test_bad_queries(self):
        self.link()
        for query, text in (
            (self.query(attribute="shoe_size"), "attribute_type"),
            (self.query(operation="dance"), "txn_type"),
            (self.query({}), "attribute_value"),
            ([self.query()] * 101, "more than"),
            (7, "txnstatus_request"),
        ):
            with self.subTest(text=text):
                response = self.post("txn/status", self.status_message(query))
                self.assertError(response, 400, "err.request.bad", text)

    def test_header_faults(self):
        for sender, action, code in (
            ("compat", "link", "rjct.action.not_supported"),
            ("strict", "status", "rjct.action.invalid"),
        ):
            header, answer = self.ask(self.query(), sender_id=sender, action=action)
            self.assertEqual(header["status_reason_code"], code)
            status = answer["txnstatus_response"]["txn_status"]
            self.assertEqual(status["link_response"], [])
        header, _answer = self.ask([])
        self.assertEqual(header["status_reason_code"], "rjct.total_count.invalid")

    def test_every_client_may_ask(self):
        self.link()
        for operation in ("link", "update", "unlink", "resolve"):
            self.compat[f"may_{operation}"] = False
        header, _answer = self.ask(self.query())
        self.assertEqual(header["status"], "succ")

    def test_results_that_are_not_kept(self):
        self.link()
        self.env.cr.execute("UPDATE g2p_spar_transaction SET answer = NULL")
        self.env.invalidate_all()
        header, answer = self.ask(self.query())
        self.assertEqual(header["status"], "succ")
        self.assertIn("not kept", header["status_reason_message"])
        status = answer["txnstatus_response"]["txn_status"]
        self.assertEqual(status["link_response"], [])

    def test_asynchronous(self):
        set_parameter = self.env["ir.config_parameter"].set_param
        set_parameter("g2p_spar_mapper.callback_http", "1")
        set_parameter("g2p_spar_mapper.callback_networks", "127.0.0.0/8")
        receiver = FakePeer(lambda *args: (200, b""))
        self.addCleanup(receiver.stop)
        self.compat.callback_url = receiver.url
        self.link()
        for root in ASYNC_ROOTS:
            with self.subTest(root=root):
                message = self.status_message(self.query())
                response = self.post("txn/status", json.dumps(message), root)
                ack = response.json()["message"]
                self.assertEqual(ack["ack_status"], "ACK", ack)
                row = self.row(ack)
                self.run_job(row, "process")
                self.run_job(row, "call_back")
                path, body = receiver.requests.pop()
                self.assertEqual(path, "/txn/on-status")
                self.assertEqual(body["header"]["action"], "txn-on-status")
                answer = body["message"]
                self.assertEqual(answer["correlation_id"], ack["correlation_id"])
                status = answer["txnstatus_response"]["txn_status"]
                self.assertEqual(len(status["link_response"]), 1)
