# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparRejectedError

from .. import outcomes as oc
from ..outcomes import UnlinkItem
from .common import MapperCommon, wire_id


@tagged("post_install", "-at_install")
class TestFreeze(MapperCommon):
    def freeze(self, *numbers, reason="Reported", fa=""):
        items = [UnlinkItem(wire_id(number), fa) for number in numbers]
        return self.codes(self.mapper._freeze(items, self.actor, reason))

    def restore(self, *numbers, reason="Cleared up"):
        items = [UnlinkItem(wire_id(number)) for number in numbers]
        return self.codes(self.mapper._restore(items, self.actor, reason))

    def test_frozen_pays_nobody_and_stays_frozen(self):
        self.link(self.item())
        self.assertEqual(self.freeze(1), [oc.OK])
        for values in ({}, {"fa": self.bank_fa()}, {"id": "", "fa": self.bank_fa()}):
            found = self.resolve(**values)
            self.assertEqual((found.code, found.fa), (oc.INACTIVE, ""))
        self.assertEqual(self.resolve(fa=self.wallet_fa()).code, oc.MISMATCH)
        self.assertEqual(self.codes(self.link(self.item())), [oc.ALREADY_LINKED])
        wallet = self.item(fa=self.wallet_fa())
        self.assertEqual(self.codes(self.update(wallet)), [oc.INACTIVE])
        self.assertEqual(self.codes(self.remove(1)), [oc.INACTIVE])
        self.assertEqual(self.periods().mapped("state"), ["frozen"])

    def test_restored_is_as_before(self):
        self.link(self.item(name="Amina"))
        since = self.resolve().since
        self.freeze(1)
        self.assertEqual(self.restore(1), [oc.OK])
        found = self.resolve()
        self.assertEqual(
            (found.code, found.fa, found.holder_name, found.since),
            (oc.OK, self.bank_fa(), "Amina", since),
        )
        self.assertEqual(self.codes(self.update(self.item(name="B"))), [oc.OK])

    def test_recorded_with_reason(self):
        self.link(self.item())
        self.freeze(1, reason="  Reported by\x00phone ")
        self.freeze(1, reason="once more")
        self.restore(1)
        self.restore(1)
        events = self.history()
        self.assertEqual(events.mapped("verb"), ["link", "freeze", "restore"])
        self.assertEqual(
            events.mapped("reason"), [False, "Reported by phone", "Cleared up"]
        )
        self.assertEqual(events[1].user_id, self.users["officer"])
        self.assertEqual(
            events.mapped("previous_hash"), [False, *events[:2].mapped("hash")]
        )
        self.assertEqual(self.periods().head, events[-1].hash)

    def test_batch(self):
        self.link(self.item(1), self.item(2), self.item(3))
        self.remove(2)
        self.assertEqual(
            self.freeze(1, 2, 404, 1, 3),
            [oc.OK, oc.NOT_LINKED, oc.NOT_LINKED, oc.OK, oc.OK],
        )
        self.assertEqual(self.history(1).mapped("verb"), ["link", "freeze"])
        self.assertEqual(self.history(2).mapped("verb"), ["link", "unlink"])
        self.assertEqual(self.freeze(3, fa=self.wallet_fa()), [oc.MISMATCH])

    def test_needs_a_reason(self):
        self.link(self.item())
        for reason in ("", "  ", "\x00", False):
            with self.assertRaises(SparRejectedError):
                self.freeze(1, reason=reason)
        self.assertEqual(self.periods().state, "active")

    # ------------------------------------------------------------------ screen

    def wizard(self, role, mapping, reason="Reported"):
        return (
            self.env["g2p.spar.freeze.wizard"]
            .with_user(self.users[role])
            .create({"mapping_id": mapping.id, "reason": reason})
        )

    def test_officer_freezes_and_restores(self):
        self.link(self.item())
        self.wizard("officer", self.periods()).action_freeze()
        self.assertEqual(self.periods().state, "frozen")
        self.wizard("officer", self.periods()).action_restore()
        self.assertEqual(self.periods().state, "active")
        event = self.history()[-1]
        self.assertEqual(
            (event.user_id, event.channel, event.reason),
            (self.users["officer"], "staff", "Reported"),
        )

    def test_two_officers_press_the_same_button(self):
        """The second one does what the button said, not what would be next."""
        self.link(self.item())
        self.new_officer()
        for action, state in (
            ("action_freeze", "frozen"),
            ("action_restore", "active"),
        ):
            wizards = [
                self.wizard(role, self.periods()) for role in ("officer", "officer 2")
            ]
            for wizard in (*wizards, wizards[0]):
                getattr(wizard, action)()
                self.assertEqual(self.periods().state, state)
        self.assertEqual(self.history().mapped("verb"), ["link", "freeze", "restore"])

    def new_officer(self):
        self.users["officer 2"] = new_test_user(
            self.env, "spar_freeze_officer_2", "g2p_spar_mapper.group_spar_officer"
        )

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_nobody_uses_the_question_of_another(self):
        self.link(self.item(1), self.item(2))
        self.new_officer()
        wizard = self.wizard("officer", self.periods(1))
        foreign = wizard.with_user(self.users["officer 2"])
        for use in (
            lambda: foreign.write({"mapping_id": self.periods(2).id}),
            lambda: foreign.read(["reason"]),
            foreign.action_freeze,
            foreign.action_restore,
        ):
            with self.assertRaises(AccessError):
                use()
        self.assertFalse(foreign.search([]))
        self.assertEqual(self.history(1).mapped("verb"), ["link"])

    def test_replaced_meanwhile(self):
        """The officer saw another account than the one that is paid by now."""
        self.link(self.item())
        wizard = self.wizard("officer", self.periods())
        self.update(self.item(fa=self.wallet_fa()))
        with self.assertRaises(UserError):
            wizard.action_freeze()
        self.remove(1)
        with self.assertRaises(UserError):
            wizard.action_freeze()
        self.assertEqual(self.history().mapped("verb"), ["link", "update", "unlink"])

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_others_may_not(self):
        self.link(self.item())
        for role in ("auditor", "steward", "administrator", "employee", "portal"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.wizard(role, self.periods())
