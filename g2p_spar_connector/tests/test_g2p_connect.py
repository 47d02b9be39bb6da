# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
from unittest.mock import patch

from odoo.exceptions import AccessError, ValidationError
from odoo.tests.common import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.outcomes import (
    ALREADY_LINKED,
    INVALID_FA,
    MISMATCH,
    NOT_LINKED,
    OK,
    RETRY,
    YES_NO,
    Actor,
    LinkItem,
    ResolveItem,
    UnlinkItem,
)

from ..capabilities import SECONDS
from .common import ID, OTHER_ID, RemoteCase

ADAPTER = "odoo.addons.g2p_spar_connector.models.g2p_spar_connector_adapter_g2p_connect"


@tagged("post_install", "-at_install")
class TestG2pConnect(RemoteCase):
    def call(self, operation, *items):
        return self.remote._call(operation, list(items), Actor("staff"))

    def answer_with(self, **members):
        """Let the peer answer with these members changed in its first item."""

        def reply(verb, request):
            status, answer = self.peer(verb, request)
            answer["message"][f"{verb}_response"][0].update(members)
            return status, answer

        self.reply = reply

    def test_who_waits_at_a_screen_waits_shorter_for_a_look_up(self):
        waiting = []

        def post(url, body, *, seconds, **kwargs):
            waiting.append(seconds)
            raise SparTransientError("Too late.", "timeout")

        with patch(f"{ADAPTER}.post_json", post):
            for seconds in (2, 60):
                at_screen = self.remote.with_context(**{SECONDS: seconds})
                for operation, item in (
                    ("resolve", ResolveItem(ID)),
                    ("unlink", UnlinkItem(ID)),
                ):
                    with self.assertRaises(SparTransientError):
                        at_screen._call(operation, [item], Actor("staff"))
        self.assertEqual(waiting, [2, 5, 5, 5], "a change is never given up early")

    # -- the answers of the OpenG2P mapper -----------------------------------------

    def test_odd_answers_become_plain_outcomes(self):
        fa, other = self.address().fa, self.wallet_address().fa
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual(one.code, NOT_LINKED)
        self.assertEqual(self.call("update", LinkItem(ID, fa))[0].code, NOT_LINKED)
        self.assertEqual(self.call("unlink", UnlinkItem(ID))[0].code, NOT_LINKED)
        self.assertEqual(self.call("link", LinkItem(ID, fa))[0].code, OK)
        (one,) = self.call("link", LinkItem(ID, fa))
        self.assertEqual((one.code, one.id), (ALREADY_LINKED, ID))
        (one,) = self.call("resolve", ResolveItem(ID, scope=YES_NO))
        self.assertEqual((one.code, one.fa, one.masked), (OK, "", ""))
        (one,) = self.call("resolve", ResolveItem(ID, fa=other))
        self.assertEqual((one.code, one.fa), (MISMATCH, ""))
        self.assertEqual(self.call("update", LinkItem(ID, other))[0].code, OK)
        self.assertEqual(self.call("unlink", UnlinkItem(ID))[0].code, OK)

    def test_provider_comes_from_our_directory(self):
        self.call("link", LinkItem(ID, self.address().fa))
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual(one.fa, self.address().fa)
        self.assertEqual((one.fsp_code, one.fsp_name), ("TESTBANK1", "First Test Bank"))
        self.assertEqual((one.branch_code, one.branch_name), ("HARB01", "Harbour"))
        self.assertEqual((one.account_type, one.masked), ("bank", "•••• 9012"))
        self.assertEqual(one.number, "123456789012")

    def test_provider_of_an_address_we_do_not_know(self):
        self.call("link", LinkItem(ID, "joeuser@national-bank"))
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual((one.code, one.fa), (OK, "joeuser@national-bank"))
        self.assertEqual(one.fsp_name, "")
        self.answer_with(
            account_provider_info={"name": "National", "code": "NB", "subcode": "7"}
        )
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual((one.fsp_name, one.fsp_code), ("National", "NB"))
        self.assertEqual(one.branch_code, "7")
        self.answer_with(
            account_provider_info={"name": "N\u202e\n" * 200, "code": "NB"}
        )
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual(one.fsp_name, ("N  " * 200)[:255])

    def test_address_with_control_characters_is_not_used(self):
        self.call("link", LinkItem(ID, "x"))
        self.answer_with(fa="joe\x00user@bank")
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual((one.code, one.fa), (INVALID_FA, ""))

    def test_an_account_without_an_address_is_not_used(self):
        self.call("link", LinkItem(ID, "x"))
        self.answer_with(status_reason_code="succ.id.active", fa=None)
        (one,) = self.call("resolve", ResolveItem(ID))
        self.assertEqual((one.code, one.fa), (INVALID_FA, ""))
        self.assertIn("no address", one.message)
        (one,) = self.call("resolve", ResolveItem(ID, scope=YES_NO))
        self.assertEqual(one.code, OK)
        (one,) = self.call("resolve", ResolveItem(ID, fa="x"))
        self.assertEqual(one.code, OK)

    def test_items_in_another_order_and_items_missing(self):
        fa = self.address().fa
        self.call("link", LinkItem(ID, fa))

        def reply(verb, request):
            status, answer = self.peer(verb, request)
            results = answer["message"]["resolve_response"]
            answer["message"]["resolve_response"] = [results[2], results[0]]
            return status, answer

        self.reply = reply
        outcomes = self.call(
            "resolve", ResolveItem("p1"), ResolveItem("p2"), ResolveItem(ID)
        )
        self.assertEqual([one.code for one in outcomes], [NOT_LINKED, RETRY, OK])
        self.assertEqual([one.id for one in outcomes], ["p1", "p2", ID])

    def test_references_are_used_once(self):
        self.connectors._resolve([ID, OTHER_ID], "Cycle 4")
        self.connectors._resolve([ID, OTHER_ID], "Cycle 5")
        references = {item["reference_id"] for item in self.mapper.items("resolve")}
        self.assertEqual(len(references), 4)

    def test_answer_to_another_message_is_not_taken(self):
        """What stands between us and the mapper gives an old answer again."""
        self.call("link", LinkItem(OTHER_ID, self.address().fa))
        answers = []

        def reply(verb, request):
            answers.append(self.peer(verb, request))
            return answers[0]

        self.reply = reply
        (other,) = self.connectors._resolve([OTHER_ID], "Cycle 4")
        self.assertEqual(other.code, OK)
        with (
            self.assertLogs(ADAPTER, "WARNING"),
            self.assertRaises(SparTransientError) as caught,
        ):
            self.connectors._resolve([ID], "Cycle 4")
        self.assertEqual(caught.exception.code, "answer")

    def test_answer_about_another_person_is_not_taken(self):
        self.call("link", LinkItem(ID, self.address().fa))
        self.answer_with(id=OTHER_ID)
        (one,) = self.connectors._resolve([ID], "Cycle 4")
        self.assertEqual((one.code, one.id, one.fa), (RETRY, ID, ""))
        (one,) = self.call("update", LinkItem(ID, self.wallet_address().fa))
        self.assertEqual(one.code, RETRY)

    def test_no_id_twice_in_one_message(self):
        # the real mapper loses the whole batch with an error 500
        fa = self.address().fa
        outcomes = self.call(
            "link", LinkItem(ID, fa), LinkItem(OTHER_ID, fa), LinkItem(ID, fa)
        )
        self.assertEqual([one.code for one in outcomes], [OK, OK, ALREADY_LINKED])
        self.assertEqual(len(self.mapper.requests), 2)

    def test_long_lists_are_cut(self):
        self.remote.g2p_connect_chunk_size = 4
        ids = [f"token:p{number}@nationalId" for number in range(10)]
        outcomes = self.connectors._resolve(ids, "Cycle 4")
        self.assertEqual([one.id for one in outcomes], ids)
        sizes = [
            request["header"]["total_count"] for _, request in self.mapper.requests
        ]
        self.assertEqual(sizes, [4, 4, 2])

    def test_request_has_what_servers_ask_for(self):
        self.connectors._resolve([ID], "Cycle 4")
        ((path, request),) = self.mapper.requests
        self.assertEqual(path, "/mapper/sync/resolve")
        header = request["header"]
        self.assertEqual(header["sender_id"], "spar-test")
        self.assertEqual((header["action"], header["total_count"]), ("resolve", 1))
        (item,) = request["message"]["resolve_request"]
        self.assertEqual((item["id"], item["scope"]), (ID, "details"))

    # -- faults --------------------------------------------------------------------

    def assert_fault(self, error, code=None):
        with self.assertRaises(error) as caught:
            self.call("resolve", ResolveItem(ID))
        text = f"{caught.exception.message} {caught.exception.code}"
        self.assertNotIn("ada-1815", text)
        if code:
            self.assertEqual(caught.exception.code, code)

    def test_statuses(self):
        for status, error in (
            (500, SparTransientError),
            (503, SparTransientError),
            (429, SparTransientError),
            (408, SparTransientError),
            (400, SparConfigurationError),
            (401, SparConfigurationError),
            (403, SparConfigurationError),
            (404, SparConfigurationError),
            (413, SparConfigurationError),
        ):
            with self.subTest(status=status):
                self.reply = lambda verb, request, status=status: (
                    status,
                    self.peer.answers["error_400"],
                )
                self.assert_fault(error, f"http_{status}")

    def test_unreadable_answers(self):
        for body in (
            b"",
            b"<html>It works!</html>",
            b"[]",
            b'{"header": {"status": "succ"}}',
            b'{"header": {"status": "succ"}, "message": {"resolve_response": 7}}',
            b'\xff\xfe{"header"',
            b"[" * 100000,
            ID.encode(),
        ):
            with (
                self.subTest(body=body[:40]),
                self.assertLogs(ADAPTER, "WARNING") as log,
            ):
                self.reply = lambda verb, request, body=body: (200, body)
                self.assert_fault(SparTransientError, "answer")
                self.assertNotIn("ada-1815", "".join(log.output))

    def test_whole_message_refused(self):
        self.reply = lambda verb, request: (200, self.peer.answers["wrong_action"])
        self.assert_fault(SparConfigurationError, "rjct.action.not_supported")
        busy = json.loads(json.dumps(self.peer.answers["wrong_action"]))
        busy["header"]["status_reason_code"] = "rjct.message_id.duplicate"
        self.reply = lambda verb, request: (200, busy)
        self.assert_fault(SparTransientError, "rjct.message_id.duplicate")

    def test_code_of_a_refusal_is_a_code(self):
        answer = json.loads(json.dumps(self.peer.answers["wrong_action"]))
        for text in (f"rjct.{ID}", "rjct.x" * 1000, "\u202e"):
            answer["header"]["status_reason_code"] = text
            self.reply = lambda verb, request: (200, answer)
            with self.subTest(text[:20]):
                self.assert_fault(SparConfigurationError, "rjct")

    def test_nobody_there(self):
        self.mapper.stop()
        self.addCleanup(setattr, self.mapper, "stop", lambda: None)
        self.assert_fault(SparTransientError, "unreachable")

    def test_log_has_no_id_and_no_account(self):
        with self.assertLogs("odoo.addons.g2p_spar_connector", "DEBUG") as log:
            self.perform(self.submit(holder_name="Ada Lovelace"))
            self.connectors._resolve([ID], "test")
        text = "\n".join(log.output)
        for secret in ("ada-1815", "Lovelace", "123456789012", "fa_type"):
            self.assertNotIn(secret, text)
        self.assertIn("link of 1 items", text)

    # -- settings ------------------------------------------------------------------

    def test_addresses_follow_the_base_until_set_by_hand(self):
        connector = self.connectors.create(
            {
                "name": "Other",
                "adapter": "g2p_connect",
                "g2p_connect_base_url": "https://mapper.example.org/sync/",
            }
        )
        self.assertEqual(
            connector.g2p_connect_unlink_url, "https://mapper.example.org/sync/unlink"
        )
        connector.g2p_connect_resolve_url = "https://fast.example.org/r"
        self.assertEqual(
            connector.g2p_connect_link_url, "https://mapper.example.org/sync/link"
        )
        self.assertEqual(
            connector.g2p_connect_resolve_url, "https://fast.example.org/r"
        )

    def test_addresses_that_are_none(self):
        for url in (
            "",
            "mapper.example.org",
            "ftp://mapper.example.org",
            "file:///etc/passwd",
            "https://user:secret@mapper.example.org",
            "https://mapper.example.org:port",
            "https://mapper example",
            "https://",
        ):
            with (
                self.subTest(url=url),
                self.assertRaisesRegex(ValidationError, "Resolve"),
                self.env.cr.savepoint(),
            ):
                self.remote.g2p_connect_resolve_url = url

    def test_limits(self):
        for vals in (
            {"g2p_connect_timeout": 0},
            {"g2p_connect_timeout": 301},
            {"g2p_connect_chunk_size": 0},
            {"g2p_connect_chunk_size": 10001},
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.remote.write(vals)

    def test_settings_are_for_administrators(self):
        self.env["ir.model.access"].create(
            {
                "name": "read",
                "model_id": self.env["ir.model"]._get_id("g2p.spar.connector"),
                "group_id": self.env.ref("base.group_user").id,
                "perm_read": True,
            }
        )
        user = new_test_user(self.env, "curious", groups="base.group_user")
        theirs = self.remote.with_user(user)
        self.assertEqual(theirs.name, "Elsewhere")
        with self.assertRaises(AccessError):
            theirs.read(["g2p_connect_resolve_url"])

    def test_check_asks_about_nobody(self):
        message = self.remote._check()
        self.assertRegex(message, r"answered a look-up after \d+ ms")
        (item,) = self.mapper.items("resolve")
        self.assertTrue(item["id"].startswith("spar-connection-test-"))
        self.assertEqual(item["scope"], "yes_no")

    @mute_logger(ADAPTER)
    def test_check_shows_the_fault(self):
        self.reply = lambda verb, request: (404, b"nothing here")
        action = self.remote.action_check()
        self.assertEqual(action["params"]["type"], "danger")
        self.assertEqual(self.remote.state, "failing")
        self.assertIn("HTTP 404", self.remote.check_message)
        self.reply = self.peer
        self.remote.action_check()
        self.assertEqual(self.remote.state, "reachable")
