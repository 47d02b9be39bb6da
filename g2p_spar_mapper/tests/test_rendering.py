# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Each client gets addresses in the form it can read."""

import re

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .api_case import ApiCase

DIRECTORY = "g2p_spar_bank_directory."
ID = "token:spartest-1@nationalId"
# OpenG2P's payment bridge goes by the end of the address, and its expressions may
# name only these groups.
BRIDGE = {
    "BANK_ACCOUNT": r"^account_number:(?P<account_number>.*)"
    r"\.branch_code:(?P<branch_code>.*)\.bank_code:(?P<bank_code>.*)"
    r"\.fa_type:(?P<fa_type>.*)$",
    "MOBILE_WALLET": r"^mobile_number:(?P<mobile_number>.*)"
    r"\.mobile_wallet_provider:(?P<mobile_wallet_provider>.*)"
    r"\.fa_type:(?P<fa_type>.*)$",
    "EMAIL_WALLET": r"^email_address:(?P<email_address>.*)"
    r"\.email_wallet_provider:(?P<email_wallet_provider>.*)"
    r"\.fa_type:(?P<fa_type>.*)$",
}


def bridge_reads(fa):
    """What the bridge stores of an address; nothing when it cannot read it."""
    for ending, expression in BRIDGE.items():
        if fa.endswith(ending):
            return re.match(expression, fa).groupdict()
    return {}


@tagged("post_install", "-at_install")
class TestRendering(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        types = ("bank", "mobile_wallet", "email_wallet")
        cls.types = {
            code: cls.env.ref(f"{DIRECTORY}account_type_{code}") for code in types
        }
        cls.fsp.account_type_ids = cls.env["g2p.spar.account.type"].union(
            *cls.types.values()
        )
        cls.branch = cls.env["g2p.spar.fsp.branch"].create(
            {"fsp_id": cls.fsp.id, "name": "Main. Street", "code": "TW01"}
        )
        cls.compat.rendering_ids = [
            (0, 0, cls.rendering(code, f"{code}_bridge")) for code in types
        ]

    @classmethod
    def rendering(cls, account_type, strategy):
        return {
            "account_type_id": cls.types[account_type].id,
            "strategy_id": cls.env.ref(f"{DIRECTORY}strategy_{strategy}").id,
        }

    def bank_fa(self):
        answers = {
            "fsp": self.fsp.id,
            "branch": self.branch.id,
            "account_number": "123456789012",
        }
        return self.types["bank"]._compose(answers).fa

    def look_up(self, wire_id=ID, sender="compat", **members):
        item = self.item(wire_id, scope="details", **members)
        result = self.call_one("resolve", item, sender_id=sender)
        self.assertEqual(result["status"], "succ", result)
        return result

    def test_bridge_reads_each_kind(self):
        email = {"fsp": self.fsp.id, "email_address": "ann@example.org"}
        for kind, fa, expected in (
            (
                "bank",
                self.bank_fa(),
                {
                    "account_number": "123456789012",
                    "branch_code": "TW01",
                    "bank_code": "TESTWALLET",
                    "fa_type": "BANK_ACCOUNT",
                },
            ),
            (
                "mobile",
                self.fa(),
                {
                    "mobile_number": "+254712345678",
                    "mobile_wallet_provider": "TESTWALLET",
                    "fa_type": "MOBILE_WALLET",
                },
            ),
            (
                "email",
                self.types["email_wallet"]._compose(email).fa,
                {
                    "email_address": "ann@example.org",
                    "email_wallet_provider": "TESTWALLET",
                    "fa_type": "EMAIL_WALLET",
                },
            ),
        ):
            with self.subTest(kind=kind):
                wire_id = f"token:spartest-{kind}@nationalId"
                self.link(wire_id, fa)
                self.assertFalse(bridge_reads(fa))  # as it is stored
                result = self.look_up(wire_id)
                self.assertEqual(bridge_reads(result["fa"]), expected)
                self.assertEqual(result["account_provider_info"]["name"], "Test Wallet")
                # who is not set up so gets it as it is stored
                self.assertEqual(self.look_up(wire_id, "strict")["fa"], fa)
                self.assertEqual(self.live_addresses(wire_id), [fa])

    def test_strategy_beside_the_address(self):
        """Readers take an address apart by the number that stands beside it."""
        self.link()
        expected = [{"name": "strategy_id", "value": "22", "strategy_id": 22}]
        self.assertEqual(self.look_up()["additional_info"], expected)
        sent = [{"strategy_id": 4}, {"name": "note", "value": "kept"}]
        item = self.item(ID, fa=self.fa(), additional_info=sent)
        self.assertEqual(self.call_one("update", item)["status"], "succ")
        self.assertEqual(
            self.look_up()["additional_info"], [{"strategy_id": 22}, sent[1]]
        )
        result = self.look_up(sender="strict")
        self.assertEqual(result["additional_info"], sent)

    def test_only_what_is_looked_up(self):
        """A client finds its own words back in the answer to link and update."""
        for verb in ("link", "update"):
            result = self.call_one(verb, self.item(ID, fa=self.fa()))
            self.assertEqual((result["status"], result["fa"]), ("succ", self.fa()))
        result = self.call_one("resolve", self.item(ID, scope="yes_no"))
        self.assertEqual(result["fa"], "")

    def test_look_up_by_either_form(self):
        self.link()
        rendered = self.look_up()["fa"]
        for fa in (rendered, self.fa()):
            with self.subTest(fa=fa):
                result = self.look_up(fa=fa)
                self.assertEqual(result["status_reason_code"], "succ.id.active")
                self.assertEqual(result["fa"], rendered)
                result = self.look_up("", fa=fa)
                self.assertEqual(result["status_reason_code"], "succ.fa.active")
                self.assertEqual(result["fa"], rendered)

    def test_address_that_lacks_something_stays_as_it_is(self):
        without_branch = "account:5494373447@.dfsp2.bank_acc"
        for number, (strategy, fa, rendered) in enumerate(
            (
                # nobody knows the names of this provider and this branch
                ("bank", "account:5494373447@indigo.dfsp2.bank_acc", None),
                # an address that no format takes apart
                ("bank_bridge", "somewhere in town", None),
                # no branch is an answer, too
                (
                    "bank_bridge",
                    without_branch,
                    "account_number:5494373447.branch_code:.bank_code:dfsp2"
                    ".fa_type:BANK_ACCOUNT",
                ),
                # the form that has no place for what the address holds
                ("bank_bridge_env", "account:5494373447@in digo.dfsp2.bank_acc", None),
            )
        ):
            with self.subTest(strategy=strategy, fa=fa):
                wire_id = f"token:spartest-{number}@nationalId"
                self.link(wire_id, fa)
                self.compat.rendering_ids = [
                    (5,),
                    (0, 0, self.rendering("bank", strategy)),
                ]
                self.assertEqual(self.look_up(wire_id)["fa"], rendered or fa)

    def test_number_stays_what_it_was_when_it_was_linked(self):
        """Rules of today must not make another person's number of it."""
        fa = self.fa().replace("+254712345678", "0712345678")
        self.link(fa=fa)
        self.assertEqual(
            bridge_reads(self.look_up()["fa"])["mobile_number"], "+254712345678"
        )
        self.fsp.country_id = self.env.ref("base.tz")
        self.assertEqual(self.look_up()["fa"], fa)

    def test_retired_format_is_not_written(self):
        self.link()
        strategy = self.env.ref(DIRECTORY + "strategy_mobile_wallet_bridge")
        strategy.action_retire()
        self.assertEqual(self.look_up()["fa"], self.fa())

    def test_one_active_format_for_each_account_type(self):
        for account_type, strategy in (("bank", "mobile_wallet"), ("bank", "id_token")):
            with self.subTest(strategy=strategy), self.assertRaises(ValidationError):
                self.strict.rendering_ids = [
                    (0, 0, self.rendering(account_type, strategy))
                ]
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.compat.rendering_ids = [
                (0, 0, self.rendering("bank", "bank_short")),
            ]

    def test_only_administrators(self):
        renderings = self.env["g2p.spar.client.rendering"]
        values = self.rendering("bank", "bank_bridge") | {"client_id": self.strict.id}
        for group in (
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            DIRECTORY + "group_spar_steward",
        ):
            user = new_test_user(self.env, group, group)
            with self.subTest(group=group), self.assertRaises(AccessError):
                renderings.with_user(user).create(values)
            with self.subTest(group=group), self.assertRaises(AccessError):
                renderings.with_user(user).search([])
        renderings.with_user(self.administrator).create(values)
