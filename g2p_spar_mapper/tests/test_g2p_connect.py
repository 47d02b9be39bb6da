# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The plain Python package: codes in both directions, whole messages, checks."""

import itertools
import json

from odoo.tests import BaseCase

from .. import outcomes as oc
from ..g2p_connect import checks, codes, envelope, messages

ID = "token:1@nationalId"
# The codes that each operation's list knows; a client cannot read any other.
COMMON = {
    "rjct.reference_id.invalid",
    "rjct.reference_id.duplicate",
    "rjct.timestamp.invalid",
    "rjct.id.invalid",
    "rjct.fa.invalid",
}
CLOSED_LISTS = {
    "link": COMMON
    | {
        "rjct.name.invalid",
        "rjct.mobile_number.invalid",
        "rjct.unknown.retry",
        "rjct.other.error",
    },
    "update": COMMON | {"rjct.beneficiary_name.invalid"},
    "unlink": COMMON | {"rjct.beneficiary_name.invalid"},
    "resolve": COMMON
    | {
        "rjct.resolve_type.not_supported",
        "succ.id.active",
        "succ.id.inactive",
        "succ.id.not_found",
        "succ.fa.active",
        "succ.fa.inactive",
        "succ.fa.not_found",
        "succ.fa.not_linked_to_id",
    },
}
ALL_OUTCOMES = [
    value
    for name, value in vars(oc).items()
    if name.isupper() and isinstance(value, str) and name not in ("YES_NO", "DETAILS")
]


def asked(operation, fa="", scope=oc.DETAILS):
    if operation == "resolve":
        return oc.ResolveItem(ID, fa, scope)
    if operation == "unlink":
        return oc.UnlinkItem(ID, fa)
    return oc.LinkItem(ID, fa or "fa")


class TestCodes(BaseCase):
    def test_every_outcome_has_a_code_clients_can_read(self):
        for dialect, operation, outcome, by_fa in itertools.product(
            codes.DIALECTS, CLOSED_LISTS, ALL_OUTCOMES, (False, True)
        ):
            known = CLOSED_LISTS[operation]
            if dialect == "spec" and operation in ("update", "unlink"):
                known = known - {"rjct.id.invalid", "rjct.fa.invalid"}
            with self.subTest(dialect=dialect, operation=operation, outcome=outcome):
                by_fa = by_fa and operation == "resolve"
                status, code = codes.to_wire(operation, outcome, by_fa, dialect)
                self.assertIn(status, ("succ", "rjct"))
                self.assertIn(code, known | {""})
                self.assertIn(code, [*codes.wire_codes(operation), ""])
                self.assertEqual(
                    status == "succ" and code == "",
                    (outcome == oc.OK and operation != "resolve"),
                )

    def test_our_client_understands_our_server(self):
        """What floor 2 says arrives unchanged on floor 3, over the wire."""
        for operation, expected in (
            (
                "link",
                "ok already_linked invalid_id invalid_fa invalid_name invalid_phone "
                "invalid_timestamp invalid_reference rejected retry",
            ),
            (
                "update",
                "ok not_linked invalid_id invalid_fa invalid_name invalid_timestamp "
                "invalid_reference rejected",
            ),
            (
                "unlink",
                "ok not_linked mismatch invalid_id invalid_fa invalid_timestamp "
                "invalid_reference rejected",
            ),
            (
                "resolve",
                "ok not_linked inactive mismatch not_supported invalid_id invalid_fa "
                "invalid_timestamp invalid_reference rejected",
            ),
        ):
            for code, dialect in itertools.product(expected.split(), codes.DIALECTS):
                with self.subTest(operation=operation, code=code, dialect=dialect):
                    item = asked(operation, "fa")
                    outcome = oc.Outcome(code, ID, message="because", fa="fa")
                    read = self.over_the_wire(operation, item, outcome, dialect)
                    self.assertEqual(read, code)

    def over_the_wire(self, operation, item, outcome, dialect):
        request = envelope.build_request(operation, [item])
        read = messages.decode_request(request.body)
        transaction_id, items = messages.decode_request_message(operation, read.message)
        body = envelope.build_answer(
            operation,
            read.header,
            transaction_id,
            items,
            [outcome],
            dialect=dialect,
            all_failed_rejects=True,
        )
        (result,) = envelope.read_answer(operation, [item], request.references, body)
        return result.code

    def test_answers_of_the_openg2p_mapper(self):
        """(operation, what was asked, its answer) -> what it means."""
        duplicate = {
            "status": "rjct",
            "status_reason_code": "rjct.reference_id.duplicate",
        }
        id_invalid = {
            "status": "rjct",
            "status_reason_code": "rjct.id.invalid",
            "id": "",
        }
        unknown = {"status": "succ", "status_reason_code": "succ.fa.not_linked_to_id"}
        for operation, item, answer, code, fa in (
            ("link", asked("link"), {"status": "succ"}, oc.OK, ""),
            ("link", asked("link"), duplicate, oc.ALREADY_LINKED, ""),
            ("update", asked("update"), duplicate, oc.NOT_LINKED, ""),
            ("unlink", asked("unlink"), id_invalid, oc.NOT_LINKED, ""),
            ("unlink", asked("unlink", "fa"), id_invalid, oc.NOT_LINKED, ""),
            (
                "resolve",
                asked("resolve"),
                {"status": "succ", "fa": "real"},
                oc.OK,
                "real",
            ),
            (
                "resolve",
                asked("resolve", scope=oc.YES_NO),
                {"status": "succ", "fa": ""},
                oc.OK,
                "",
            ),
            ("resolve", asked("resolve"), unknown | {"id": None}, oc.NOT_LINKED, ""),
            ("resolve", asked("resolve", "wrong"), unknown, oc.MISMATCH, ""),
            # asked for a pair, it answers with the real address
            (
                "resolve",
                asked("resolve", "wrong"),
                {"status": "succ", "fa": "real"},
                oc.MISMATCH,
                "",
            ),
            ("resolve", asked("resolve"), {"status": "succ"}, oc.NOT_LINKED, ""),
            ("link", asked("link"), {"status": "pdng"}, oc.RETRY, ""),
            (
                "link",
                asked("link"),
                {"status": "rjct", "status_reason_code": "rjct.new.code"},
                oc.REJECTED,
                "",
            ),
            ("link", asked("link"), {"status": "rjct"}, oc.REJECTED, ""),
        ):
            with self.subTest(operation=operation, answer=answer):
                body = self.foreign(operation, [{"reference_id": "r", **answer}])
                (outcome,) = envelope.read_answer(operation, [item], ["r"], body)
                self.assertEqual((outcome.code, outcome.fa), (code, fa))

    def test_other_servers(self):
        """The ``spec`` dialect and the legacy server borrow other codes."""
        for operation, code, text, expected in (
            ("update", "rjct.reference_id.invalid", codes.LINK_FIRST, oc.NOT_LINKED),
            ("update", "rjct.reference_id.invalid", "", oc.INVALID_REFERENCE),
            ("update", "rjct.id.invalid", "", oc.NOT_LINKED),
            ("update", "rjct.id.invalid", "ID is null", oc.INVALID_ID),
            ("unlink", "rjct.fa.invalid", "", oc.MISMATCH),
            ("unlink", "rjct.fa.invalid", "FA is invalid: too long", oc.INVALID_FA),
        ):
            with self.subTest(operation=operation, code=code, text=text):
                answer = messages.ForeignItem(
                    status="rjct", status_reason_code=code, status_reason_message=text
                )
                self.assertEqual(
                    codes.from_wire(operation, asked(operation), answer), expected
                )

    def foreign(self, operation, results, **header):
        content = {
            "header": {"status": "succ", **header},
            "message": {
                "transaction_id": "t",
                "correlation_id": None,
                f"{operation}_response": results,
            },
        }
        return json.dumps(content).encode()


class TestEnvelope(BaseCase):
    def test_request(self):
        item = oc.LinkItem(ID, "fa", "Ann", "+1", [{"a": 1}], "ref")
        request = envelope.build_request(
            "link", [item], transaction_id="t", sender_id="me", receiver_id="you"
        )
        content = json.loads(request.body)
        header = content["header"]
        self.assertEqual(header["action"], "link")
        self.assertEqual((header["sender_id"], header["receiver_id"]), ("me", "you"))
        self.assertEqual(header["total_count"], 1)
        self.assertTrue(checks.is_timestamp(header["message_ts"]))
        self.assertTrue(header["message_id"])
        (sent,) = content["message"]["link_request"]
        self.assertTrue(checks.is_timestamp(sent.pop("timestamp")))
        self.assertEqual(
            sent,
            {
                "reference_id": "ref",
                "id": ID,
                "fa": "fa",
                "name": "Ann",
                "phone_number": "+1",
                "additional_info": [{"a": 1}],
            },
        )

    def test_request_leaves_out_what_is_empty(self):
        for operation in messages.OPERATIONS:
            with self.subTest(operation=operation):
                item = asked(operation)
                body = envelope.build_request(operation, [item]).body
                (sent,) = json.loads(body)["message"][f"{operation}_request"]
                self.assertNotIn(None, sent.values())
                self.assertNotIn("", sent.values())
        self.assertEqual(sent["scope"], "details")

    def test_consent(self):
        """What allows one change travels beside what is kept, in either shape."""
        for sent in (
            [{"name": "current_provider", "value": "A"}, {"consent_reference": "C"}],
            [{"current_provider": "A", "consent_reference": "C"}],
        ):
            for operation, cls in (
                ("update", messages.LinkRequestItem),
                ("unlink", messages.UnlinkRequestItem),
            ):
                with self.subTest(sent=sent, operation=operation):
                    asked_for = cls(id=ID, additional_info=[*sent, {"name": "current"}])
                    (item,) = envelope.service_items(operation, [asked_for])
                    self.assertEqual((item.current_provider, item.consent), ("A", "C"))
                    if operation == "update":
                        self.assertEqual(item.additional_info, [{"name": "current"}])
                    body = envelope.build_request(operation, [item]).body
                    read = messages.decode_request(body)
                    _id, again = messages.decode_request_message(
                        operation, read.message
                    )
                    (got,) = envelope.service_items(operation, again)
                    self.assertEqual(got._replace(reference=""), item)
        odd = [
            {"current_provider": 5},
            {"name": "consent_reference", "value": None},
            {"name": [], "value": "A"},
            {"name": {}, "value": "A"},
        ]
        asked_for = messages.LinkRequestItem(id=ID, additional_info=odd)
        (item,) = envelope.service_items("link", [asked_for])
        self.assertEqual((item.current_provider, item.consent), ("", ""))
        self.assertEqual(item.additional_info, odd)

    def test_references(self):
        items = [oc.ResolveItem("a"), oc.ResolveItem("a"), oc.ResolveItem("b")]
        request = envelope.build_request("resolve", items)
        self.assertEqual(len(set(request.references)), 3)
        with self.assertRaises(ValueError):
            envelope.build_request("unlink", [oc.UnlinkItem("a", reference="r")] * 2)

    def test_answer_in_another_order(self):
        items = [oc.ResolveItem(name) for name in "abc"]
        request = envelope.build_request("resolve", items)
        results = [
            {"reference_id": reference, "status": "succ", "fa": f"fa-{item.id}"}
            for item, reference in zip(items, request.references, strict=True)
        ]
        body = json.dumps(
            {"header": {}, "message": {"resolve_response": results[::-1][:2]}}
        ).encode()
        first, second, third = envelope.read_answer(
            "resolve", items, request.references, body
        )
        self.assertEqual(first.code, oc.RETRY)  # no word about it
        self.assertEqual((second.id, second.fa), ("b", "fa-b"))
        self.assertEqual((third.id, third.fa), ("c", "fa-c"))

    def test_details_of_an_answer(self):
        body = json.dumps(
            {
                "header": {"status": "succ"},
                "message": {
                    "resolve_response": [
                        {
                            "reference_id": "r",
                            "status": "succ",
                            "status_reason_code": "succ.id.active",
                            "fa": "fa",
                            "account_provider_info": {"name": "N", "code": "C"},
                            "additional_info": [{"strategy_id": 2}],
                            "locale": None,
                        }
                    ]
                },
            }
        ).encode()
        (outcome,) = envelope.read_answer("resolve", [oc.ResolveItem(ID)], ["r"], body)
        self.assertEqual(
            outcome,
            oc.Outcome(
                oc.OK,
                ID,
                fa="fa",
                fsp_code="C",
                fsp_name="N",
                additional_info=[{"strategy_id": 2}],
            ),
        )

    def test_foreign_texts_stay_out(self):
        """A foreign reason may quote an ID; only its code may go on."""
        answer = {
            "reference_id": "r",
            "status": "rjct",
            "status_reason_code": "rjct.other.error",
            "status_reason_message": f"{ID} is a bad one",
        }
        body = json.dumps(
            {"header": {}, "message": {"link_response": [answer]}}
        ).encode()
        (outcome,) = envelope.read_answer("link", [asked("link")], ["r"], body)
        self.assertEqual(outcome.message, "The item was refused (rjct.other.error)")
        answer["status_reason_code"] = ID
        body = json.dumps(
            {"header": {}, "message": {"link_response": [answer]}}
        ).encode()
        (outcome,) = envelope.read_answer("link", [asked("link")], ["r"], body)
        self.assertNotIn("token", outcome.message)

    def test_rejected_as_a_whole(self):
        header = {"status": "rjct", "status_reason_code": "rjct.action.not_supported"}
        for message in (
            {},
            None,
            {"link_response": []},
            {"link_response": [{"reference_id": "r", "status": "rjct"}]},
        ):
            with self.subTest(message=message):
                body = json.dumps({"header": header, "message": message}).encode()
                (outcome,) = envelope.read_answer("link", [asked("link")], ["r"], body)
                self.assertEqual(outcome.code, oc.REJECTED)
                self.assertIn("rjct.action.not_supported", outcome.message)

    def test_no_answer_at_all(self):
        for body in (
            b"",
            b"<html>",
            b"[]",
            b'{"header":{}}',
            b'{"header":{"status":"succ"},"message":{}}',
            b'{"header":{"status":"succ"},"message":{"link_response":5}}',
        ):
            with self.subTest(body=body), self.assertRaises(messages.MessageError):
                envelope.read_answer("link", [asked("link")], ["r"], body)


class TestChecks(BaseCase):
    def test_timestamps(self):
        for good in (
            "2026-01-31T10:00:00Z",
            "2026-01-31T10:00:00+05:30",
            "2026-01-31 10:00:00.123456",
            "2026-01-31T10:00:00",
        ):
            with self.subTest(good=good):
                self.assertTrue(checks.is_timestamp(good))
        for bad in ("", None, "string", "2026-01-31", "1700000000", "2026-02-30T10:00"):
            with self.subTest(bad=bad):
                self.assertFalse(checks.is_timestamp(bad))

    def test_parser_never_quotes_values(self):
        secret = "token:secret@nationalId"
        header = {"message_id": "m", "action": "link"}
        for message in (
            {"transaction_id": "t", "link_request": [secret]},
            {"transaction_id": "t", "link_request": {secret: 1}},
            {"transaction_id": [secret], "link_request": []},
            {"transaction_id": "t", "link_request": [{"additional_info": [secret]}]},
        ):
            with self.subTest(message=message):
                body = json.dumps({"header": header, "message": message}).encode()
                request = messages.decode_request(body)
                with self.assertRaises(messages.MessageError) as caught:
                    messages.decode_request_message("link", request.message)
                self.assertNotIn("secret", caught.exception.message)
