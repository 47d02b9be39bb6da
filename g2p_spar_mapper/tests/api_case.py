# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json
import uuid
from datetime import UTC, datetime

from odoo.tests import HttpCase, new_test_user

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job

from . import documented

OPERATIONS = ("link", "update", "unlink", "resolve")
ROOTS = ("/mapper/sync", "/sync")
ASYNC_ROOTS = ("/mapper", "/mapper/async", "/async")
TIME = "2026-01-31T10:00:00+00:00"


class ApiCase(HttpCase):
    """Clients ``compat`` and ``strict``, a provider, and calls over real HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A look-up of a strict client has a read-only cursor and one that writes; the
        # cursors of tests cannot be nested so. TestReplay looks at the others.
        cls.set_registry_readonly_mode(False)
        clients = cls.env["g2p.spar.client"]
        clients.search([]).state = "suspended"  # whoever is there with demo data
        cls.compat, cls.strict = clients.create(
            [cls.client_values("compat"), cls.client_values("strict", profile="strict")]
        )
        account_type = cls.env.ref("g2p_spar_bank_directory.account_type_mobile_wallet")
        cls.fsp = cls.env["g2p.spar.fsp"].create(
            {
                "name": "Test Wallet",
                "code": "TESTWALLET",
                "country_id": cls.env.ref("base.ke").id,
                "account_type_ids": account_type.ids,
            }
        )
        cls.account_type = account_type
        cls.administrator = new_test_user(
            cls.env,
            "spar_client_administrator",
            "g2p_spar_bank_directory.group_spar_administrator",
        )

    @classmethod
    def client_values(cls, code, **values):
        return {
            "name": f"Client {code}",
            "code": code,
            "organisation": "Test organisation",
            "purpose": "Test purpose",
            "state": "live",
            "may_link": True,
            "may_update": True,
            "may_unlink": True,
            "may_resolve": True,
            "may_see_details": True,
            "may_resolve_by_fa": True,
            "credentialless": True,
            "networks": "127.0.0.0/8\n::1/128",
        } | values

    def fa(self, number="712345678"):
        """A wallet address that the directory knows."""
        answers = {"fsp": self.fsp.id, "mobile_number": f"+254{number}"}
        return self.account_type._compose(answers).fa

    # --- sending ----------------------------------------------------------------------

    def item(self, id="token:spartest-1@nationalId", **members):  # noqa: A002
        return {"reference_id": "r1", "timestamp": TIME, "id": id} | members

    def message(self, operation, items, **header):
        return {
            "signature": "",
            "header": {
                "version": "1.0.0",
                "message_id": str(uuid.uuid4()),
                "message_ts": datetime.now(UTC).isoformat(),
                "action": operation,
                "sender_id": "compat",
                "total_count": len(items),
            }
            | header,
            "message": {"transaction_id": "t1", f"{operation}_request": items},
        }

    def post(self, operation, body, root=ROOTS[0], content_type="application/json"):
        if isinstance(body, dict | list):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        path = f"{root}/{operation}"
        response = self.url_open(
            path, data=body, method="POST", headers={"Content-Type": content_type}
        )
        faults = documented.faults(path, response.status_code, response.json())
        self.assertEqual(faults, [], "the description of the API says otherwise")
        return response

    def call(self, operation, items, root=ROOTS[0], **header):
        """Send items; give the answer's header and its list of results."""
        response = self.post(operation, self.message(operation, items, **header), root)
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        return answer["header"], answer["message"][f"{operation}_response"]

    # --- asynchronous -----------------------------------------------------------------

    def post_async(self, operation, items, root=ASYNC_ROOTS[0], **header):
        """Send items to an asynchronous address; give the Ack."""
        response = self.post(operation, self.message(operation, items, **header), root)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()["message"]

    def call_async(self, operation, items, root=ASYNC_ROOTS[0], **header):
        """Send items and let the job do them.

        :return: header and results of the answer; it is the one that is called back
        """
        ack = self.post_async(operation, items, root, **header)
        self.assertIn(ack["ack_status"], ("ACK", "NACK"), ack)
        row = self.row(ack)
        self.run_job(row, "process")
        answer = json.loads(row._contents("answer"))
        self.assertEqual(answer["message"]["correlation_id"], ack["correlation_id"])
        return answer["header"], answer["message"][f"{operation}_response"]

    def row(self, ack):
        """The stored message that an Ack is about."""
        return self.env["g2p.spar.transaction"].search(
            [("correlation_id", "=", ack["correlation_id"])]
        )

    def job(self, row, step):
        """The waiting job of a step, as queue_job keeps it."""
        return self.env["queue.job"].search(
            [
                ("identity_key", "=", f"{row._name}:{row.id}:{step}"),
                ("state", "=", "pending"),
            ]
        )

    def run_job(self, row, step):
        """Run the job of a step (``process`` or ``call_back``) as the runner would."""
        record = self.job(row, step)
        self.assertEqual(len(record), 1)
        self.env.flush_all()  # jobs look from transactions of their own
        job = Job.load(self.env, record.uuid)
        try:
            job.perform()
            job.set_done()
            job.store()
        finally:
            self.env.invalidate_all()

    def put_off(self, row, step):
        """Run a job that asks to be run again later; give its reason."""
        try:  # assertRaises would take back what the job did until then
            self.run_job(row, step)
        except RetryableJobError as err:
            return str(err)
        return self.fail("the job was not put off")

    def call_one(self, operation, item, **header):
        answer_header, results = self.call(operation, [item], **header)
        self.assertEqual(answer_header["status"], "succ")
        return results[0]

    def link(self, wire_id="token:spartest-1@nationalId", fa=None):
        """Link an ID through the API and check that it was done."""
        result = self.call_one("link", self.item(wire_id, fa=fa or self.fa()))
        self.assertEqual(result["status"], "succ", result)

    def live_addresses(self, wire_id):
        """Addresses of the live mappings of an ID; never more than one."""
        key = self.env["g2p.spar.mapper"]._id_key(wire_id)
        mappings = self.env["g2p.spar.mapping"].sudo()
        live = mappings.search([("id_key", "=", key), ("closed_at", "=", False)])
        return [mapping._get_content().fa for mapping in live]

    # --- asking what became of it -----------------------------------------------------

    def query(self, value="t1", attribute="transaction_id", operation="link"):
        return {
            "reference_id": "q1",
            "txn_type": operation,
            "attribute_type": attribute,
            "attribute_value": value,
        }

    def status_message(self, query, transaction_id="s1", **header):
        header = {"action": "txn-status", "total_count": 1} | header
        message = self.message("status", [], **header)
        message["message"] = {
            "transaction_id": transaction_id,
            "txnstatus_request": query,
        }
        return message

    # --- expecting --------------------------------------------------------------------

    def assertWire(self, result, status, code, text=""):
        """Status and reason code of one item; ``code`` None: there must be none."""
        self.assertEqual(result["status"], status, result)
        self.assertEqual(result.get("status_reason_code"), code, result)
        self.assertIn(text, result.get("status_reason_message", ""))

    def assertError(self, response, status, code, text=""):
        """An ``errors`` body with this code and no word of what was sent."""
        self.assertEqual(response.status_code, status, response.text)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        (error,) = response.json()["errors"]
        self.assertEqual(error["code"], code)
        self.assertIn(text, error["message"])
        self.assertNotIn("Traceback", response.text)

    def assertNotTaken(self, ack, code):
        """An Ack says that nothing follows, and why; nothing is kept."""
        self.assertEqual(ack["ack_status"], "ERR", ack)
        self.assertEqual(ack["error"]["code"], code)
        self.assertTrue(ack["error"]["message"])
        self.assertTrue(ack["correlation_id"])
        self.assertFalse(self.row(ack))

    def assertRefused(self, header, results, code, items):
        """The whole message is refused, and still each item is answered."""
        self.assertEqual(header["status"], "rjct")
        self.assertEqual(header["status_reason_code"], code)
        self.assertTrue(header["status_reason_message"])
        self.assertEqual(len(results), len(items))
        for item, result in zip(items, results, strict=True):
            self.assertWire(result, "rjct", None, header["status_reason_message"])
            self.assertEqual(result["id"], item["id"])
            self.assertEqual(result["reference_id"], item["reference_id"])
