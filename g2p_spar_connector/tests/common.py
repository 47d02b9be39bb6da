# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import json

from odoo.tests.common import TransactionCase
from odoo.tools.misc import file_open

from odoo.addons.g2p_spar_mapper.outcomes import Actor, LinkItem, ResolveItem
from odoo.addons.g2p_spar_mapper.tests.fake_peer import FakePeer, ReachesPeers
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job

ID = "token:ada-1815@nationalId"
OTHER_ID = "token:grace-1906@nationalId"


class ConnectorCase(ReachesPeers, TransactionCase):
    """One bank with a branch, one mobile wallet, and the connector of this registry."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True})
        cls.changes = cls.env["g2p.spar.change"]
        cls.connectors = cls.env["g2p.spar.connector"]
        cls.connectors.search([]).active = False
        cls.local = cls.connectors.create(
            {"name": "Here", "adapter": "local", "sequence": 50}
        )
        cls.bank_type = cls.env.ref("g2p_spar_bank_directory.account_type_bank")
        cls.wallet_type = cls.env.ref(
            "g2p_spar_bank_directory.account_type_mobile_wallet"
        )
        cls.bank = cls.env["g2p.spar.fsp"].create(
            {
                "name": "First Test Bank",
                "code": "TESTBANK1",
                "account_type_ids": [(4, cls.bank_type.id)],
                "branch_ids": [(0, 0, {"name": "Harbour", "code": "HARB01"})],
            }
        )
        cls.branch = cls.bank.branch_ids
        cls.wallet = cls.env["g2p.spar.fsp"].create(
            {
                "name": "Test Wallet",
                "code": "TESTWALLET",
                "account_type_ids": [(4, cls.wallet_type.id)],
            }
        )

    @classmethod
    def new_user(cls, login, *groups):
        return cls.env["res.users"].create(
            {
                "name": login,
                "login": login,
                "group_ids": [(6, 0, [cls.env.ref(group).id for group in groups])],
            }
        )

    def address(self, number="123456789012"):
        return self.bank_type._compose(
            {"fsp": self.bank.id, "branch": self.branch.id, "account_number": number}
        )

    def wallet_address(self, number="+254712345678"):
        return self.wallet_type._compose(
            {"fsp": self.wallet.id, "mobile_number": number}
        )

    def submit(self, wire_id=ID, operation="set", address=None, **kwargs):
        if operation == "set":
            address = address or self.address()
        kwargs.setdefault("actor", Actor("staff", user_id=self.env.uid))
        return self.changes._submit(wire_id, operation, address, **kwargs)

    def job_of(self, change):
        record = self.env["queue.job"].search(
            [
                ("identity_key", "=", f"g2p.spar.change:{change.id}"),
                ("state", "=", "pending"),
            ]
        )
        return Job.load(self.env, record.uuid)

    def perform(self, change):
        """Run the change's job once, as queue_job does."""
        job = self.job_of(change)
        job.perform()
        job.set_done()
        job.store()
        self.env.invalidate_all()

    def fail_job(self, change):
        """Run the change's job, which raises; give the error.

        Not with ``assertRaises``: that undoes what the job wrote, transactions of its
        own included, which a real failure does not.
        """
        try:
            self.job_of(change).perform()
        except (RetryableJobError, FailedJobError) as err:
            self.env.invalidate_all()
            return err
        raise AssertionError("the job did not fail")

    def give_up(self, change, error):
        """What queue_job does with a change when its job ended with ``error``."""
        job = self.job_of(change)
        job.set_failed()
        job.store()
        name = f"{type(error).__module__}.{type(error).__name__}"
        job.on_fail({"exc_name": name, "exc_message": str(error), "exc_info": ""})

    def link(self, wire_id=ID, address=None):
        item = LinkItem(wire_id, (address or self.address()).fa)
        return self.env["g2p.spar.mapper"]._link([item], Actor("api"))[0]

    def look_up(self, wire_id=ID):
        """What the registry of this database says."""
        item = ResolveItem(wire_id)
        return self.env["g2p.spar.mapper"]._resolve([item], Actor("api"))[0]


class FakeMapper(FakePeer):
    """A mapper elsewhere; its ``reply`` gets the verb and the request."""

    path = "/mapper/sync"

    def items(self, verb):
        """All items this server was sent for one verb, in order."""
        return [
            item
            for path, request in self.requests
            if path.endswith(f"/{verb}")
            for item in request["message"][f"{verb}_request"]
        ]


class OpenG2PMapper:
    """Replays what the OpenG2P mapper 1.1.0 answered when it was asked the same.

    ``tests/data/openg2p.json`` holds its real answers, one per situation; here they
    get the identifiers and addresses of the request and a memory.
    """

    def __init__(self):
        with file_open("g2p_spar_connector/tests/data/openg2p.json") as recorded:
            self.answers = json.load(recorded)
        self.linked = {}

    def __call__(self, verb, request):
        items = request["message"][f"{verb}_request"]
        if verb == "link" and len({item["id"] for item in items}) < len(items):
            return 500, self.answers["error_500"]
        answer = json.loads(json.dumps(self.answers["envelope"]))
        answer["header"]["action"] = verb
        transaction_id = request["message"]["transaction_id"]
        answer["message"]["transaction_id"] = transaction_id
        results = [getattr(self, f"_{verb}")(item) for item in items]
        answer["message"][f"{verb}_response"] = [
            {**result, "reference_id": item["reference_id"]}
            for item, result in zip(items, results, strict=True)
        ]
        return 200, answer

    def _link(self, item):
        if item["id"] in self.linked:
            return self.answers["link_again"] | {"fa": item["fa"]}
        self.linked[item["id"]] = item
        return self.answers["link"] | {"fa": item["fa"]}

    def _update(self, item):
        if item["id"] not in self.linked:
            return self.answers["update_unknown"]
        self.linked[item["id"]] = item
        return self.answers["update"] | {"id": item["id"]}

    def _unlink(self, item):
        known = self.linked.get(item["id"])
        if not known or item.get("fa", known["fa"]) != known["fa"]:
            return self.answers["unlink_unknown"]
        del self.linked[item["id"]]
        return self.answers["unlink"]

    def _resolve(self, item):
        known = self.linked.get(item.get("id"))
        if not known:
            return self.answers["resolve_unknown"] | {"fa": item.get("fa", "")}
        if item["scope"] == "yes_no":
            return self.answers["resolve_yes"] | {"id": item["id"]}
        return self.answers["resolve"] | {
            "id": item["id"],
            "fa": known["fa"],
            "additional_info": known.get("additional_info"),
        }


class RemoteCase(ConnectorCase):
    """The connector speaks G2P-Connect to a fake mapper on this machine."""

    def setUp(self):
        super().setUp()
        # the change's own transactions share the test's
        self.registry_enter_test_mode()
        self.peer = OpenG2PMapper()
        self.reply = self.peer
        self.mapper = FakeMapper(lambda verb, request: self.reply(verb, request))
        self.addCleanup(self.mapper.stop)
        self.remote = self.connectors.create(
            {
                "name": "Elsewhere",
                "adapter": "g2p_connect",
                "sequence": 10,
                "g2p_connect_base_url": self.mapper.url,
                "g2p_connect_sender_id": "spar-test",
                "g2p_connect_timeout": 5,
            }
        )
