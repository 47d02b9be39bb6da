# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from .. import outcomes as oc
from ..outcomes import LinkItem, Outcome, ResolveItem, UnlinkItem
from .common import MapperCommon, wire_id


@tagged("post_install", "-at_install")
class TestMapperVerbs(MapperCommon):
    # ------------------------------------------------------------------ link

    def test_link_then_resolve(self):
        info = [{"strategy_id": 2}, {"name": "b", "value": {"z": 1, "a": [None, 2.5]}}]
        linked = self.link(
            self.item(name="Amina Juma", phone="+255712345678", additional_info=info)
        )[0]
        self.assertEqual(linked.code, oc.OK)
        found = self.resolve()
        self.assertEqual(found.code, oc.OK)
        self.assertEqual(found.id, wire_id(1))
        self.assertEqual(found.fa, self.bank_fa())
        self.assertEqual((found.number, found.masked), ("100000000001", "•••• 0001"))
        self.assertEqual(found.account_type, "bank")
        self.assertEqual(
            (found.fsp_code, found.fsp_name), ("MTBANK", "Mapper Test Bank")
        )
        self.assertEqual(
            (found.branch_code, found.branch_name), ("MT001", "Branch MT001")
        )
        self.assertEqual(found.holder_name, "Amina Juma")
        self.assertEqual(found.additional_info, info)
        self.assertEqual(found.mapping_id, linked.mapping_id)
        self.assertRegex(found.since, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(found.strategy, self.bank_type.strategy_id.number)

    def test_link_again_is_refused_and_changes_nothing(self):
        self.link(self.item())
        before = self.periods().ids
        for fa in (self.bank_fa(), self.wallet_fa()):
            self.assertEqual(
                self.codes(self.link(self.item(fa=fa))), ["already_linked"]
            )
        self.assertEqual(self.periods().ids, before)
        self.assertEqual(len(self.history()), 1)

    def test_link_equal_ids_in_a_batch(self):
        outcomes = self.link(
            self.item(1), self.item(2), self.item(1, self.wallet_fa()), self.item(3)
        )
        self.assertEqual(self.codes(outcomes), ["ok", "ok", "already_linked", "ok"])
        self.assertEqual(self.resolve(1).fa, self.bank_fa())

    def test_link_case_of_prefix_and_suffix_is_the_same_id(self):
        self.link(LinkItem("TOKEN:aB@NATIONALID", self.bank_fa()))
        self.assertEqual(self.resolve(id="token:aB@nationalId").code, oc.OK)
        # the value itself is compared exactly
        self.assertEqual(self.resolve(id="token:ab@nationalId").code, oc.NOT_LINKED)

    def test_link_bad_items_do_not_harm_the_others(self):
        bad = {
            oc.INVALID_ID: [
                self.item()._replace(id=bad_id)
                for bad_id in ("", " a", "a\n", "a\x00b", "x" * 256, "a\ud800")
            ],
            oc.INVALID_FA: [
                self.item(fa=fa) for fa in ("", "a\x00b", "x" * 1001, "no such shape")
            ],
            oc.INVALID_NAME: [
                self.item(name=name) for name in ("x" * 256, "a\nb", "a\x00", "\u202eb")
            ],
            oc.INVALID_PHONE: [
                self.item(phone=phone) for phone in ("abc", "1" * 33, "+2\x00", "12")
            ],
            oc.INVALID_REFERENCE: [
                self.item(reference=reference) for reference in ("r\x00", "r" * 256)
            ],
            oc.REJECTED: [
                self.item(additional_info=info)
                for info in (
                    {"not": "a list"},
                    [{"a": "\x00"}],
                    ["x" * 20_000],
                    [float("nan"), object()],
                )
            ],
        }
        items, expected = [], []
        for number, (code, examples) in enumerate(bad.items()):
            items += [*examples, self.item(100 + number)]
            expected += [*[code] * len(examples), oc.OK]
        outcomes = self.link(*items)
        self.assertEqual(self.codes(outcomes), expected)
        for item, outcome in zip(items, outcomes, strict=True):
            self.assertEqual((outcome.id, outcome.reference), (item.id, item.reference))
            if outcome.code != oc.OK:
                self.assertTrue(outcome.message)
                self.assertEqual(
                    outcome,
                    Outcome(
                        outcome.code, item.id, item.reference, message=outcome.message
                    ),
                )

    def test_message_never_quotes_the_id_or_the_account(self):
        outcomes = self.link(
            LinkItem("token:secret-id@nationalId", "secret account"),
            LinkItem(" secret-id ", "x", name="secret\n"),
        )
        for outcome in outcomes:
            self.assertNotIn("secret", outcome.message)

    def test_link_names_of_many_scripts(self):
        names = ["محمد علی", "ශ්\u200dරී", 'O\'Brien \\ "x", {y} %s %(z)s', "NULL"]
        self.link(*(self.item(n, name=name) for n, name in enumerate(names)))
        for number, name in enumerate(names):
            self.assertEqual(self.resolve(number).holder_name, name)

    def test_link_strict_and_lenient_actor(self):
        item = self.item(fa="1234567@nowhere.example")
        self.assertEqual(self.codes(self.link(item)), [oc.INVALID_FA])
        lenient = self.actor._replace(strict=False)
        self.assertEqual(self.codes(self.link(item, actor=lenient)), [oc.OK])
        self.assertEqual(self.resolve().fa, "1234567@nowhere.example")

    # ------------------------------------------------------------------ update

    def test_update_keeps_history(self):
        self.link(self.item(name="Amina", phone="+255712345678"))
        outcome = self.update(self.item(fa=self.wallet_fa(), reference="r9"))[0]
        self.assertEqual(outcome.code, oc.OK)
        self.assertEqual(self.resolve().fa, self.wallet_fa())
        old, new = self.periods()
        self.assertEqual((old.state, new.state), ("closed", "active"))
        self.assertTrue(old.opened_at <= old.closed_at <= new.opened_at)
        self.assertFalse(new.closed_at)
        # who and whom to call stay known when only the account changes
        self.assertEqual(new.holder_name, "Amina")
        self.assertEqual(new._get_content().phone, "+255712345678")
        event = self.history()[-1]
        self.assertEqual(event.verb, "update")
        self.assertEqual((event.previous_mapping_id, event.mapping_id), (old, new))
        self.assertEqual(
            (event.old_masked, event.new_masked), ("•••• 0001",) + ("+254 •••• 001",)
        )
        self.assertEqual(
            (event.old_provider, event.new_provider),
            ("Mapper Test Bank", "Mapper Test Wallet"),
        )
        self.assertEqual(event.reference, "r9")

    def test_update_unknown_id(self):
        self.assertEqual(self.codes(self.update(self.item())), [oc.NOT_LINKED])
        self.assertFalse(self.periods())
        self.assertFalse(self.history())

    def test_update_same_account_leaves_no_trace(self):
        linked = self.link(self.item(name="Amina", additional_info=[{"a": 1}]))[0]
        outcome = self.update(self.item(name="Amina"))[0]
        self.assertEqual(outcome.code, oc.OK)
        self.assertEqual(outcome.mapping_id, linked.mapping_id)
        self.assertEqual(outcome.since, linked.since)
        self.assertEqual(len(self.periods()), 1)
        self.assertEqual(len(self.history()), 1)

    def test_update_of_a_detail_is_a_change(self):
        self.link(self.item(name="Amina", additional_info=[{"a": 1}]))
        changes = (
            {"name": "Amina Juma"},
            {"phone": "+255712345678"},
            {"additional_info": [{"a": 2}]},
            {"fa": self.bank_fa(branch=1)},
        )
        for count, change in enumerate(changes, start=2):
            self.assertEqual(self.codes(self.update(self.item(**change))), [oc.OK])
            self.assertEqual(len(self.periods()), count, change)
            self.assertEqual(len(self.history()), count, change)

    def test_update_equal_ids_in_order_each_recorded(self):
        self.link(self.item(), self.item(2))
        outcomes = self.update(
            self.item(fa=self.bank_fa(2)),
            self.item(2, self.bank_fa(9)),
            self.item(fa=self.bank_fa(2)),  # what it is by now
            self.item(fa=self.bank_fa(3)),
            self.item(fa=self.bank_fa(1)),
        )
        self.assertEqual(self.codes(outcomes), ["ok"] * 5)
        self.assertEqual(self.resolve().fa, self.bank_fa(1))
        periods = self.periods()
        self.assertEqual(
            periods.mapped("fa_masked"),
            ["•••• 0001", "•••• 0002", "•••• 0003", "•••• 0001"],
        )
        self.assertEqual(
            periods.mapped("state"), ["closed", "closed", "closed", "active"]
        )
        self.assertEqual(
            [outcomes[n].mapping_id for n in (0, 2, 3, 4)],
            [periods[1].id, periods[1].id, periods[2].id, periods[3].id],
        )
        events = self.history()
        self.assertEqual(events.mapped("verb"), ["link"] + ["update"] * 3)
        self.assertEqual(
            events.mapped(lambda event: (event.old_masked, event.new_masked)),
            [
                (False, "•••• 0001"),
                ("•••• 0001", "•••• 0002"),
                ("•••• 0002", "•••• 0003"),
                ("•••• 0003", "•••• 0001"),
            ],
        )
        self.assertEqual(
            [event.previous_mapping_id.id for event in events],
            [False, *periods[:3].ids],
        )

    # ------------------------------------------------------------------ unlink

    def test_unlink_closes_and_link_opens_again(self):
        linked = self.link(self.item())[0]
        outcome = self.remove(1)[0]
        self.assertEqual((outcome.code, outcome.fa), (oc.OK, ""))
        self.assertEqual(outcome.mapping_id, linked.mapping_id)
        self.assertEqual(self.resolve().code, oc.NOT_LINKED)
        self.assertEqual(self.periods().mapped("state"), ["closed"])
        self.assertEqual(self.codes(self.link(self.item())), [oc.OK])
        self.assertEqual(self.periods().mapped("state"), ["closed", "active"])
        events = self.history()
        self.assertEqual(events.mapped("verb"), ["link", "unlink", "link"])
        self.assertEqual(events[1].old_masked, "•••• 0001")
        self.assertEqual(events[1].old_provider, "Mapper Test Bank")
        self.assertFalse(events[1].new_masked)

    def test_unlink_twice(self):
        self.link(self.item(), self.item(2))
        outcomes = self.remove(1, 2, 1, 3)
        self.assertEqual(self.codes(outcomes), ["ok", "ok", "not_linked", "not_linked"])
        self.assertEqual(len(self.history()), 2)
        self.assertEqual(self.codes(self.remove(1)), ["not_linked"])

    def test_unlink_with_address(self):
        self.link(self.item())
        self.assertEqual(self.codes(self.remove(1, fa=self.wallet_fa())), ["mismatch"])
        self.assertEqual(self.codes(self.remove(1, fa="a\x00b")), ["invalid_fa"])
        self.assertEqual(self.resolve().code, oc.OK)
        self.assertEqual(self.codes(self.remove(1, fa=self.bank_fa())), ["ok"])

    # ------------------------------------------------------------------ resolve

    def test_resolve_unknown_and_bad(self):
        items = [ResolveItem(wire_id(404), reference="a"), ResolveItem(reference="b")]
        items += [ResolveItem("\x00"), ResolveItem(wire_id(1), "x" * 1001)]
        outcomes = self.mapper._resolve(items, self.actor)
        self.assertEqual(
            self.codes(outcomes),
            ["not_linked", "invalid_id", "invalid_id", "invalid_fa"],
        )
        self.assertEqual([one.reference for one in outcomes], ["a", "b", "", ""])

    def test_resolve_yes_no_tells_nothing_else(self):
        self.link(self.item(name="Amina", additional_info=[{"a": 1}]))
        for values in ({}, {"fa": self.bank_fa()}, {"id": "", "fa": self.bank_fa()}):
            found = self.resolve(scope=oc.YES_NO, reference="r", **values)
            self.assertEqual(
                found, Outcome(oc.OK, values.get("id", wire_id(1)), reference="r")
            )

    def test_resolve_unknown_scope_tells_nothing_else(self):
        self.link(self.item())
        self.assertFalse(self.resolve(scope="everything").fa)

    def test_resolve_by_address(self):
        self.link(self.item(1, name="Amina"), self.item(2, self.wallet_fa(), name="B"))
        found = self.resolve(id="", fa=self.bank_fa())
        self.assertEqual((found.code, found.fa), (oc.OK, self.bank_fa()))
        self.assertEqual((found.id, found.holder_name), ("", "Amina"))
        self.assertEqual(self.resolve(id="", fa=self.bank_fa(7)).code, oc.NOT_LINKED)

    def test_resolve_by_shared_address_names_nobody(self):
        self.link(self.item(1, name="Amina"), self.item(2, name="Baraka"))
        found = self.resolve(id="", fa=self.bank_fa())
        self.assertEqual((found.code, found.fa), (oc.OK, self.bank_fa()))
        self.assertEqual(
            (found.holder_name, found.since, found.mapping_id, found.additional_info),
            ("", "", 0, []),
        )

    def test_resolve_pair(self):
        self.link(self.item(), self.item(2, self.wallet_fa()))
        self.assertEqual(self.resolve(fa=self.bank_fa()).code, oc.OK)
        # the account is the same, whichever branch is named beside its number
        self.assertEqual(self.resolve(fa=self.bank_fa(branch=1)).code, oc.OK)
        mismatch = self.resolve(fa=self.wallet_fa())
        self.assertEqual(
            mismatch,
            Outcome(oc.MISMATCH, wire_id(1), message=mismatch.message),
        )
        self.assertNotIn("100000000001", mismatch.message)
        self.assertEqual(self.resolve(3, fa=self.bank_fa()).code, oc.NOT_LINKED)

    def test_empty_batches(self):
        for verb in ("link", "update", "unlink", "resolve"):
            with self.subTest(verb=verb):
                self.assertEqual(getattr(self.mapper, f"_{verb}")([], self.actor), [])

    def test_renamed_provider_is_known_by_its_new_name(self):
        self.link(self.item())
        self.bank.name = "Renamed Bank"
        self.assertEqual(self.resolve().fsp_name, "Renamed Bank")

    def test_actor_goes_into_the_ledger(self):
        client = self.env["g2p.spar.client"].create(
            {
                "name": "Client",
                "code": "mapper-test",
                "organisation": "Ministry",
                "purpose": "Test",
                "credentialless": True,
                "networks": "192.0.2.0/28",
            }
        )
        actor = self.actor._replace(
            channel="api",
            user_id=0,
            client_id=client.id,
            purpose="Grant\x00 of May " + "x" * 300,
            transaction="T-2",
        )
        self.link(self.item(reference="R-1"), actor=actor)
        event = self.history()
        self.assertEqual(event.client_id, client)
        self.assertFalse(event.user_id)
        self.assertEqual(event.actor_name, "Client")
        self.assertEqual(event.purpose[:14], "Grant  of May ")
        self.assertEqual(len(event.purpose), 255)
        self.assertEqual(
            (event.transaction, event.reference, event.channel), ("T-2", "R-1", "api")
        )
        self.remove(1)
        self.assertEqual(self.history()[-1].user_id, self.users["officer"])
        items = [UnlinkItem(wire_id(1))]
        self.assertEqual(self.codes(self.mapper._unlink(items, actor)), [oc.NOT_LINKED])
