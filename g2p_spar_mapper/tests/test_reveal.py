# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from ..wizards.g2p_spar_reveal import MIN_REASON, REVEAL
from .common import MapperCommon, wire_id

REASON = "The bank asks about a returned payment"
NUMBER = "100000000001"
PHONE = "+255712345678"
SECRETS = (wire_id(1), "spartest-1", NUMBER, PHONE)


@tagged("post_install", "-at_install")
class TestReveal(MapperCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        item = cls.item(cls, 1, name="Amina Juma", phone=PHONE)
        cls.mapper._link([item], cls.actor)
        cls.mapping = cls.periods(cls)
        cls.reveals = cls.env["g2p.spar.reveal"]
        cls.trusted = new_test_user(
            cls.env, "spar_trusted", f"g2p_spar_mapper.group_spar_officer,{REVEAL}"
        )

    def setUp(self):
        super().setUp()
        # the count of past events has a transaction of its own
        self.registry_enter_test_mode()

    def ask(self, reason=REASON, user=None, sudo=False, **values):
        wizards = self.reveals.with_user(user or self.trusted)
        return (
            wizards.sudo(sudo)
            .create({"mapping_id": self.mapping.id, "reason": reason, **values})
            .sudo(False)
        )

    def shown(self):
        """Ledger rows about this mapping being shown."""
        return self.events.sudo().search(
            [("verb", "=", "reveal"), ("mapping_id", "=", self.mapping.id)], order="id"
        )

    # ------------------------------------------------------------------ the right

    def test_clear_values_once_with_an_event(self):
        wizard = self.ask()
        action = wizard.action_reveal()
        values = {row["label"]: row["value"] for row in action["params"]["values"]}
        self.assertEqual(
            values,
            {
                "Beneficiary ID": wire_id(1),
                "Account": NUMBER,
                "Provider": "Mapper Test Bank",
                "Account Holder": "Amina Juma",
                "Phone": PHONE,
                "Financial Address": self.bank_fa(),
            },
        )
        event = self.shown()
        self.assertEqual(event.user_id, self.trusted)
        self.assertEqual((event.reason, event.channel), (REASON, "staff"))
        self.assertFalse(wizard.exists())

    def test_the_event_is_written_before_anything_is_opened(self):
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET sealed = 'k1:AAAA' WHERE id = %s",
            (self.mapping.id,),
        )
        self.env.invalidate_all()
        wizard = self.ask()
        with self.assertRaises(UserError) as caught:
            wizard.action_reveal()
        self.assertNotIn("AAAA", str(caught.exception))

    def test_no_event_no_values(self):
        def refuse(*_args):
            raise SparTransientError("The ledger is closed.")

        self.patch(type(self.mapper), "_record_reveal", refuse)
        opened = []
        self.patch(type(self.mapping), "_get_content", opened.append)
        with self.assertRaises(UserError):
            self.ask().action_reveal()
        self.assertFalse(opened)

    def test_a_past_account_can_be_seen(self):
        self.remove(1)
        self.assertEqual(self.mapping.state, "closed")
        values = self.ask().action_reveal()["params"]["values"]
        self.assertIn(NUMBER, str(values))

    def test_nothing_of_it_is_stored_or_readable(self):
        wizard = self.ask()
        for name, field in wizard._fields.items():
            self.assertIsNot(field.type, "binary", name)
        content = [wizard.read(), wizard.web_read({n: {} for n in wizard._fields})]
        content.append(
            self.env.execute_query(
                SQL(
                    "SELECT row_to_json(t)::text FROM g2p_spar_reveal t WHERE id = %s",
                    wizard.id,
                )
            )
        )
        for secret in SECRETS:
            self.assertNotIn(secret, str(content))
        self.assertFalse(self.shown())

    # ------------------------------------------------------------------ refusals

    def test_every_other_role_is_refused(self):
        system = new_test_user(
            self.env,
            "spar_all_but_reveal",
            "base.group_system,g2p_spar_mapper.group_spar_officer,"
            "g2p_spar_mapper.group_spar_auditor,"
            "g2p_spar_bank_directory.group_spar_administrator",
        )
        theirs = self.ask()
        for user in (*self.users.values(), system, self.env.ref("base.user_admin")):
            with self.subTest(user.login):
                self.assertFalse(user.has_group(REVEAL))
                for attempt in (
                    lambda user=user: self.ask(user=user),
                    lambda user=user: theirs.with_user(user).read(["reason"]),
                    lambda user=user: theirs.with_user(user).action_reveal(),
                    # what some other code might open to them
                    lambda user=user: theirs.with_user(user).sudo().action_reveal(),
                ):
                    with self.assertRaises(AccessError):
                        attempt()
        self.assertFalse(self.shown())

    def test_the_right_alone_reads_no_mapping(self):
        user = new_test_user(self.env, "spar_only_reveal", f"base.group_user,{REVEAL}")
        shows = {"mapping_id": {"fields": {"display_name": {}}}, "account": {}}
        values = {"mapping_id": self.mapping.id}
        defaults = {"default_mapping_id": self.mapping.id}
        reveals = self.reveals.with_user(user)
        for attempt in (
            lambda: self.ask(user=user),
            lambda: reveals.with_context(**defaults).create({"reason": REASON}),
            lambda: reveals.onchange(values, [], shows),
            lambda: reveals.onchange(values, ["mapping_id"], shows),
            lambda: reveals.with_context(**defaults).onchange({}, [], shows),
        ):
            self.env.invalidate_all()
            with self.assertRaises(AccessError):
                attempt()
        # what some other code might make for them
        wizard = self.ask(user=user, sudo=True)
        with self.assertRaises(AccessError):
            wizard.action_reveal()
        with self.assertRaises(AccessError):
            wizard.read(["account"])
        with self.assertRaises(AccessError):
            wizard.write(values)
        self.assertFalse(self.shown())

    def test_somebody_elses_question_is_not_ones_own(self):
        other = new_test_user(
            self.env, "spar_trusted_2", f"g2p_spar_mapper.group_spar_officer,{REVEAL}"
        )
        theirs = self.ask().with_user(other)
        self.assertFalse(theirs.search([]))
        for attempt in (theirs.action_reveal, theirs.sudo().action_reveal):
            with self.assertRaises(AccessError):
                attempt()

    def test_nobody_implies_the_right(self):
        group = self.env.ref(REVEAL)
        self.assertFalse(group.implied_by_ids)
        self.assertFalse(group.implied_ids)
        self.assertFalse(self.env.ref("base.user_admin") in group.all_user_ids)

    def test_a_reason_that_says_nothing(self):
        for reason in ("", "   ", "x" * (MIN_REASON - 1), "a    b     c      d"):
            with self.assertRaises(UserError):
                self.ask(reason or " ").action_reveal()
        self.assertFalse(self.shown())

    def test_one_mapping_at_a_time(self):
        self.link(self.item(2))
        both = self.mapping + self.periods(2)
        context = {"active_ids": both.ids, "active_model": both._name}
        wizard = self.ask()
        action = wizard.with_context(**context).action_reveal()
        self.assertNotIn("spartest-2", str(action))
        self.assertEqual(len(self.shown()), 1)
        with self.assertRaises(ValueError):
            (self.ask() + self.ask()).action_reveal()
        self.assertEqual(len(self.shown()), 1)

    def test_so_many_an_hour(self):
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("g2p_spar_mapper.reveals_per_hour", "2")
        self.ask().action_reveal()
        self.ask().action_reveal()
        with self.assertRaises(UserError) as caught:
            self.ask().action_reveal()
        self.assertIn("within an hour", str(caught.exception))
        self.assertEqual(len(self.shown()), 2)
        other = new_test_user(
            self.env, "spar_trusted_3", f"g2p_spar_mapper.group_spar_officer,{REVEAL}"
        )
        self.ask(user=other).action_reveal()

    def test_nothing_in_the_log(self):
        with self.assertLogs("odoo", level="DEBUG") as logged:
            self.ask().action_reveal()
        for secret in SECRETS:
            self.assertNotIn(secret, "\n".join(logged.output))
