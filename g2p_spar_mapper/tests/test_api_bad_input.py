# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whatever is thrown at the API has a clear answer of its own and never a 500."""

import functools
import gzip
import json
import os
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import gateway
from ..models.mapper import G2pSparMapper
from ..parameters import PREFIX
from .api_case import ASYNC_ROOTS, OPERATIONS, ROOTS, ApiCase

MAX_BODY_PARAMETER = PREFIX + "max_body_bytes"
ID = "token:spartest-1@nationalId"
FAULTS = "odoo.addons.g2p_spar_mapper.faults"
RETRYING = ("odoo.service.model", "odoo.sql_db")
SERIALIZATION_FAILURE = (
    "DO $$ BEGIN RAISE EXCEPTION 'test' USING ERRCODE = 'serialization_failure'; END $$"
)


@tagged("post_install", "-at_install")
class TestApiBadInput(ApiCase):
    def test_wrong_type_names_the_member(self):
        good = self.message("link", [self.item(ID, fa=self.fa())])
        for path, value in (
            (("header",), []),
            (("header",), None),
            (("header", "message_id"), None),
            (("header", "message_id"), 1),
            (("header", "action"), None),
            (("header", "sender_id"), 5),
            (("header", "total_count"), "two"),
            (("header", "total_count"), True),
            (("header", "is_msg_encrypted"), "perhaps"),
            (("message",), 5),
            (("message",), []),
            (("message", "transaction_id"), None),
            (("message", "transaction_id"), ""),
            (("message", "transaction_id"), "x" * 100),
            (("message", "transaction_id"), "a\0b"),
            (("message", "link_request"), {}),
            (("message", "link_request"), None),
            (("message", "link_request", 0), "item"),
            (("message", "link_request", 0, "id"), 5),
            (("message", "link_request", 0, "fa"), ["x"]),
            (("message", "link_request", 0, "name"), {}),
            (("message", "link_request", 0, "phone_number"), 712345678),
            (("message", "link_request", 0, "additional_info"), {"strategy_id": 1}),
            (("message", "link_request", 0, "additional_info", 0), "text"),
            (("message", "link_request", 0, "timestamp"), 1700000000),
            (("message", "link_request", 0, "reference_id"), 1),
        ):
            with self.subTest(path=path, value=str(value)[:20]):
                message = json.loads(json.dumps(good))
                message["message"]["link_request"][0]["additional_info"] = [{}]
                parent = message
                for key in path[:-1]:
                    parent = parent[key]
                parent[path[-1]] = value
                named = "".join(
                    f"[{key}]" if isinstance(key, int) else f".{key}" for key in path
                ).lstrip(".")
                # a list where an object was meant is at fault as a whole
                named = named.replace("additional_info[0]", "additional_info[")
                response = self.post("link", message)
                self.assertError(response, 400, "err.request.bad", named)
                self.assertNotIn("712345678", response.text)
        self.assertEqual(self.live_addresses(ID), [])

    def test_missing_member_is_named(self):
        for path in (("header",), ("message",), ("message", "link_request")):
            with self.subTest(path=path):
                message = self.message("link", [self.item(ID, fa=self.fa())])
                parent = message
                for key in path[:-1]:
                    parent = parent[key]
                del parent[path[-1]]
                response = self.post("link", message)
                self.assertError(response, 400, "err.request.bad", path[-1])

    def test_not_an_object(self):
        for body in (b"[]", b"5", b'"text"', b"true", b"[[[[[[" * 50_000, b'{"a":1}'):
            with self.subTest(body=body[:10]):
                response = self.post("link", body)
                self.assertError(response, 400, "err.request.bad")

    def test_addresses_that_are_not_in_the_table(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        message = self.message("resolve", [self.item(ID)])
        self.assertEqual(self.post("resolve", message).status_code, 200)
        for root in ("/fr/mapper/sync", "/mapper//sync", "/en/sync"):
            with self.subTest(root):
                response = self.opener.post(
                    f"{self.base_url()}{root}/resolve",
                    json=message,
                    allow_redirects=False,
                )
                self.assertNotEqual(response.status_code, 200)
                self.assertNotIn(ID, response.text)

    def test_not_utf8_in_what_is_skipped(self):
        message = self.message("resolve", [self.item(ID)])
        message["header"]["meta"] = {"note": "HERE"}
        body = json.dumps(message).encode()
        self.assertEqual(self.post("resolve", body).status_code, 200)
        response = self.post("resolve", body.replace(b"HERE", b"\xff\xfe"))
        self.assertError(response, 400, "err.request.bad", "UTF-8")

    def test_deep_nesting(self):
        deep = b"[" * 100_000 + b"]" * 100_000
        header = json.dumps(self.message("link", [])["header"]).encode()
        body = b'{"header":%s,"message":{"transaction_id":"t","link_request":[%s]}}'
        info = b'{"id":"%s","fa":"x","additional_info":[{"a":%s}]}'
        response = self.post("link", body % (header, info % (b"1", deep)))
        self.assertError(response, 400, "err.request.bad", "nested too deeply")

    def test_deep_additional_info(self):
        """What can be read once is not kept when it could not be read again."""
        for depth, status, code in (
            (90, "succ", None),
            (150, "rjct", "rjct.other.error"),
        ):
            value = functools.reduce(lambda inner, _n: [inner], range(depth), 1)
            item = self.item(
                f"token:spartest-{depth}@nationalId",
                fa=self.fa(),
                additional_info=[{"a": value}],
            )
            with self.subTest(depth=depth):
                self.assertWire(self.call_one("link", item), status, code)
                item["scope"] = "details"
                found = self.call_one("resolve", item)
                if code:
                    self.assertWire(found, "succ", "succ.id.not_found")
                else:
                    self.assertEqual(found["additional_info"], item["additional_info"])

    def test_two_megabytes_of_junk(self):
        for junk in (os.urandom(2_000_000), b"A" * 2_000_000, b'{"a":' * 400_000):
            with self.subTest(junk=junk[:5]):
                response = self.post("link", junk)
                self.assertError(response, 400, "err.request.bad")
        message = self.message("resolve", [self.item(ID, junk="x" * 2_000_000)])
        self.assertEqual(self.post("resolve", message).status_code, 200)

    def test_packed_body_is_not_unpacked(self):
        """A small one could become a very long one."""
        packed = gzip.compress(b'{"header": "' + b"x" * 50_000_000 + b'"}')
        response = self.url_open(
            "/mapper/sync/resolve",
            data=packed,
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )
        self.assertError(response, 400, "err.request.bad")

    def test_body_limit(self):
        message = self.message("resolve", [self.item(ID)])
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param(MAX_BODY_PARAMETER, "100")
        response = self.post("resolve", message)
        self.assertError(response, 413, "err.request.bad", "too long")
        body = json.dumps(message).encode()
        chunks = (body[start : start + 50] for start in range(0, len(body), 50))
        response = self.url_open(
            "/mapper/sync/resolve",
            data=chunks,
            headers={"Content-Type": "application/json"},
        )
        self.assertError(response, 413, "err.request.bad", "too long")
        parameters.set_param(MAX_BODY_PARAMETER, "a lot")
        with self.assertLogs(level="ERROR") as logs:
            self.assertEqual(self.post("resolve", message).status_code, 200)
        self.assertIn(MAX_BODY_PARAMETER, logs.output[0])
        self.assertIn(str(gateway.MAX_BODY), logs.output[0])

    def test_items_without_number(self):
        """Each item of a refused message has its answer, which is longer than it is."""
        message = self.message("link", [{}] * 4)
        self.compat.item_limit = 2
        with patch.object(gateway, "MOST_ITEMS", 4):
            header, results = self.call("link", [{}] * 4)
            code = "rjct.total_count.limit_exceeded"
            self.assertEqual(header["status_reason_code"], code)
            self.assertEqual(len(results), 4)
        with patch.object(gateway, "MOST_ITEMS", 3):
            for root in (ROOTS[0], ASYNC_ROOTS[0]):
                response = self.post("link", message, root)
                self.assertError(response, 413, "err.request.bad", "too long")
            self.compat.item_limit = 4  # whoever may send them gets an answer to them
            self.assertEqual(self.post("link", message).status_code, 200)

    def test_characters(self):
        """Characters that are unfit give the one item an outcome, in both profiles."""
        fa = self.fa()
        cases = [
            ({"id": "token:spartest-\0@nationalId"}, "rjct.id.invalid"),
            ({"id": "token:spartest-\n1@nationalId"}, "rjct.id.invalid"),
            ({"id": " "}, "rjct.id.invalid"),
            ({"id": "x" * 256}, "rjct.id.invalid"),
            ({"fa": fa + "\0"}, "rjct.fa.invalid"),
            ({"fa": fa.replace(".", "\x07.", 1)}, "rjct.fa.invalid"),
            ({"fa": "x" * 1001}, "rjct.fa.invalid"),
            ({"name": "A\0"}, "rjct.name.invalid"),
            ({"name": "x" * 256}, "rjct.name.invalid"),
            ({"phone_number": "+254\x00"}, "rjct.mobile_number.invalid"),
            ({"phone_number": "1" * 33}, "rjct.mobile_number.invalid"),
            ({"additional_info": [{"a": "\0"}]}, "rjct.other.error"),
            ({"additional_info": [{"\0": 1}]}, "rjct.other.error"),
            ({"additional_info": [{"a": "x" * 20_000}]}, "rjct.other.error"),
            ({"reference_id": "a\0b"}, "rjct.reference_id.invalid"),
            ({"reference_id": "x" * 256}, "rjct.reference_id.invalid"),
        ]
        items = [
            {
                **self.item(
                    f"token:spartest-{n}@nationalId", fa=fa, reference_id=f"r{n}"
                ),
                **case,
            }
            for n, (case, _code) in enumerate(cases)
        ]
        sound = self.item(
            "token:spartest-sound@nationalId", fa=fa, reference_id="sound"
        )
        for sender in ("strict", "compat"):
            _header, results = self.call("link", [*items, sound], sender_id=sender)
            for item, (case, code), result in zip(
                items, cases, results[:-1], strict=True
            ):
                with self.subTest(sender=sender, case=str(case)[:40]):
                    self.assertWire(result, "rjct", code)
                    self.assertEqual(result["id"], item["id"])
                    self.assertEqual(result["reference_id"], item["reference_id"])
        self.assertEqual(self.live_addresses("token:spartest-sound@nationalId"), [fa])

    def test_lone_surrogate(self):
        body = json.dumps(self.message("link", [self.item("ID", fa=self.fa())]))
        response = self.post("link", body.replace('"ID"', '"\\ud800x"'))
        self.assertError(response, 400, "err.request.bad")

    def test_unknown_provider_in_strict(self):
        address = self.fa().replace("TESTWALLET", "NOBODY")
        for operation in ("link", "update"):
            with self.subTest(operation=operation):
                result = self.call_one(
                    operation, self.item(ID, fa=address), sender_id="strict"
                )
                self.assertWire(result, "rjct", "rjct.fa.invalid", "FA is invalid")

    def test_reference_missing(self):
        item = {"timestamp": self.item()["timestamp"], "id": ID, "fa": self.fa()}
        result = self.call_one("link", item, sender_id="strict")
        self.assertWire(result, "rjct", "rjct.reference_id.invalid")
        self.assertEqual(self.live_addresses(ID), [])
        result = self.call_one("link", item)
        self.assertWire(result, "succ", None)
        self.assertEqual(result["reference_id"], "")

    def test_duplicate_ids(self):
        items = [self.item(ID, fa=self.fa(), reference_id=f"r{n}") for n in range(50)]
        for sender in ("strict", "compat"):
            _header, results = self.call("link", items, sender_id=sender)
            done = [result for result in results if result["status"] == "succ"]
            self.assertEqual(len(done), 1 if sender == "strict" else 0)
        self.assertEqual(len(self.live_addresses(ID)), 1)

    def test_extra_members_and_nulls(self):
        """What OpenG2P's programs send besides, misspelt or null, does not matter."""
        item = self.item(
            ID,
            fa=self.fa(),
            name=None,
            phone_number=None,
            additional_info=[{"strategy_id": 7}, {"b": [1.5, None, {"c": "ä"}]}],
            locale="en",
            additonal_info="misspelt",
        )
        header = {
            "sender_uri": None,
            "receiver_id": None,
            "meta": None,
            "is_msg_encrypted": None,
            "is_encrypted": False,
            "message_ts": "string",
            "total_count": 0,
        }
        result = self.call_one("link", item, **header)
        self.assertWire(result, "succ", None)
        result = self.call_one("resolve", self.item(ID, scope="details"))
        self.assertEqual(result["additional_info"], item["additional_info"])

    def test_strict_wants_a_time(self):
        items = [self.item(ID)]
        header, results = self.call(
            "resolve", items, message_ts="string", sender_id="strict"
        )
        self.assertRefused(header, results, "rjct.message_ts.invalid", items)

    def test_other_methods(self):
        for operation in OPERATIONS:
            for method in ("GET", "PUT", "DELETE", "OPTIONS"):
                with self.subTest(operation=operation, method=method):
                    response = self.url_open(f"/mapper/sync/{operation}", method=method)
                    self.assertError(response, 405, "err.request.bad")
                    self.assertEqual(response.headers["Allow"], "POST")
                    self.assertNotIn("Access-Control-Allow-Origin", response.headers)

    def test_no_session_no_cache(self):
        response = self.post("resolve", self.message("resolve", [self.item(ID)]))
        self.assertNotIn("Set-Cookie", response.headers)
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def test_query_string_is_ignored(self):
        with self.assertNoLogs(level="WARNING"):
            response = self.url_open(
                "/sync/resolve?id=token:spartest-9&db=x",
                data=json.dumps(self.message("resolve", [self.item(ID)])),
                headers={"Content-Type": "application/json"},
            )
        self.assertEqual(response.status_code, 200)

    def test_unexpected_fault_is_logged_once_without_data(self):
        def fail(_self, items, _actor):
            raise ValueError(f"no luck with {items[0].id}")

        message = self.message("link", [self.item(ID, fa=self.fa())])
        with (
            patch.object(G2pSparMapper, "_link", fail),
            self.assertLogs(level="WARNING") as logs,
        ):
            response = self.post("link", message)
        self.assertError(response, 500, "err.service.unavailable")
        self.assertEqual(len(logs.output), 1, logs.output)
        self.assertIn("ValueError", logs.output[0])
        self.assertIn(" in fail", logs.output[0])
        self.assertNotIn("token:spartest-1", logs.output[0])

    def test_serialization_failure_is_repeated(self):
        link = G2pSparMapper._link
        calls = []

        def fail_once(mapper, items, actor):
            calls.append(actor.transaction)
            if len(calls) == 1:
                mapper.env.cr.execute(SERIALIZATION_FAILURE)
            return link(mapper, items, actor)

        with (
            patch.object(G2pSparMapper, "_link", fail_once),
            patch("odoo.service.model.time.sleep"),
            mute_logger(*RETRYING),
        ):
            result = self.call_one("link", self.item(ID, fa=self.fa()))
        self.assertWire(result, "succ", None)
        self.assertEqual(calls, ["t1", "t1"])

    def test_serialization_failure_that_stays(self):
        def fail(mapper, _items, _actor):
            mapper.env.cr.execute(SERIALIZATION_FAILURE)

        with (
            patch.object(G2pSparMapper, "_link", fail),
            patch("odoo.service.model.time.sleep"),
            mute_logger(*RETRYING, FAULTS),
        ):
            response = self.post(
                "link", self.message("link", [self.item(ID, fa=self.fa())])
            )
        self.assertError(response, 503, "err.service.unavailable")
        self.assertTrue(response.headers["Retry-After"])

    def test_answer_header(self):
        """Swapped parties, echoed ids, and what the oldest libraries cannot miss."""
        message = self.message(
            "link",
            [self.item(ID, fa=self.fa(), reference_id="réf ☃")],
            message_id="m ☃",
            receiver_id="registry",
            meta="text",
            sender_uri="",
        )
        answer = self.post("link", message).json()
        header = answer["header"]
        self.assertEqual(answer["signature"], "")
        self.assertEqual(header["meta"], {})
        self.assertEqual(header["message_id"], "m ☃")
        self.assertEqual(header["action"], "on-link")
        self.assertEqual(header["sender_id"], "registry")
        self.assertEqual(header["receiver_id"], "compat")
        self.assertEqual((header["total_count"], header["completed_count"]), (1, 1))
        self.assertNotIn("status_reason_code", header)
        self.assertEqual(answer["message"]["transaction_id"], "t1")
        self.assertTrue(answer["message"]["correlation_id"])
        (result,) = answer["message"]["link_response"]
        self.assertEqual(result["reference_id"], "réf ☃")
