# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What a foreign mapper says is taken only for what it was asked."""

import json

from odoo.tests import BaseCase

from .. import outcomes as oc
from ..g2p_connect import envelope, messages

ID = "token:1@nationalId"


class TestBelonging(BaseCase):
    def resolved(self, *results, item=None, **message):
        """Read these results as the answer to one look-up, sent in transaction t."""
        message["resolve_response"] = results
        body = json.dumps({"header": {"status": "succ"}, "message": message}).encode()
        (outcome,) = envelope.read_answer(
            "resolve",
            [item or oc.ResolveItem(ID)],
            ["r"],
            body,
            transaction_id="t",
        )
        return outcome

    def test_answer_about_another_person(self):
        result = {"reference_id": "r", "status": "succ", "fa": "theirs"}
        for other_id in ("token:2@nationalId", "token:1", "1", "token:1@otherId"):
            for more in ({}, {"status": "rjct"}):
                with self.subTest(other_id, **more):
                    got = self.resolved({**result, "id": other_id, **more})
                    self.assertEqual((got.code, got.id, got.fa), (oc.RETRY, ID, ""))
                    self.assertNotIn(other_id, got.message)

    def test_answer_may_leave_the_id_out_or_write_it_otherwise(self):
        result = {"reference_id": "r", "status": "succ", "fa": "fa"}
        for same_id in (ID, "", None, "TOKEN:1@NationalID"):
            with self.subTest(same_id):
                got = self.resolved({**result, "id": same_id})
                self.assertEqual((got.code, got.id, got.fa), (oc.OK, ID, "fa"))
        self.assertEqual(self.resolved(result).code, oc.OK)
        for asked_for, answered, code in (
            ("token:aB@nationalId", "token:Ab@nationalId", oc.RETRY),
            ("aB", "Ab", oc.RETRY),
            ("aB", "aB", oc.OK),
            ("", "token:1@nationalId", oc.OK),  # asked whose this account is
        ):
            with self.subTest(asked_for=asked_for, answered=answered):
                item = oc.ResolveItem(asked_for, "" if asked_for else "fa")
                got = self.resolved({**result, "id": answered}, item=item)
                self.assertEqual(got.code, code)

    def test_reference_that_is_answered_twice(self):
        result = {"reference_id": "r", "status": "succ", "id": ID}
        got = self.resolved({**result, "fa": "one"}, {**result, "fa": "two"})
        self.assertEqual((got.code, got.fa), (oc.RETRY, ""))

    def test_answer_to_another_request(self):
        result = {"reference_id": "r", "status": "succ", "id": ID, "fa": "fa"}
        with self.assertRaisesRegex(messages.MessageError, "transaction_id"):
            self.resolved(result, transaction_id="u")
        for said in (
            {},
            {"transaction_id": ""},
            {"transaction_id": None},
            {"transaction_id": "t"},
        ):
            with self.subTest(said=said):
                self.assertEqual(self.resolved(result, **said).code, oc.OK)

    def test_request_tells_its_transaction(self):
        for given in ("", "mine"):
            request = envelope.build_request(
                "resolve", [oc.ResolveItem(ID)], transaction_id=given
            )
            sent = json.loads(request.body)["message"]["transaction_id"]
            self.assertEqual(request.transaction_id, sent)
            self.assertIn(given, sent)
