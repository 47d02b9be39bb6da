# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from .. import outcomes as oc
from ..outcomes import Limits, UnlinkItem
from .common import MapperCommon, wire_id


@tagged("post_install", "-at_install")
class TestLimits(MapperCommon):
    """What a client may touch is decided item by item."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_type = cls.env["g2p.spar.id.type"].create(
            {"name": "Other", "code": "limits", "prefix": "limits:"}
        )
        cls.bank_only = cls.actor._replace(limits=Limits(providers={"MTBANK"}))
        cls.overriding = cls.actor._replace(
            limits=Limits(providers={"MTBANK"}, may_override=True)
        )

    def test_id_types(self):
        actor = self.actor._replace(
            limits=Limits(id_types=frozenset(self.other_type.ids))
        )
        other = self.item()._replace(id="limits:1")
        self.assertEqual(
            self.codes(self.link(self.item(), other, actor=actor)),
            [oc.INVALID_ID, oc.OK],
        )
        self.link(self.item())
        self.assertEqual(
            self.codes(self.update(self.item(fa=self.wallet_fa()), actor=actor)),
            [oc.INVALID_ID],
        )
        self.assertEqual(
            self.codes(self.mapper._unlink([UnlinkItem(wire_id(1))], actor)),
            [oc.INVALID_ID],
        )
        items = [
            oc.ResolveItem(wire_id(1)),
            oc.ResolveItem("limits:1"),
            oc.ResolveItem(wire_id(1), self.bank_fa()),
        ]
        found = self.mapper._resolve(items, actor)
        self.assertEqual(
            self.codes(found), [oc.INVALID_ID, oc.OK, oc.INVALID_ID], found
        )

    def test_resolve_by_account_stays_within_the_id_types(self):
        self.link(self.item(), self.item(2, self.wallet_fa())._replace(id="limits:2"))
        self.link(self.item(3, self.wallet_fa()))
        actor = self.actor._replace(
            limits=Limits(id_types=frozenset(self.other_type.ids))
        )
        items = [oc.ResolveItem(fa=self.bank_fa()), oc.ResolveItem(fa=self.wallet_fa())]
        found = self.mapper._resolve(items, actor)
        self.assertEqual(self.codes(found), [oc.NOT_LINKED, oc.OK])
        # of two persons with that account the client may know of one
        self.assertTrue(found[1].mapping_id)

    def test_iban_of_another_provider(self):
        """The number itself says who keeps the account, whatever the address says."""
        iban = "DE89370400440532013000"
        self.bank.country_id = self.env.ref("base.de")
        answers = {
            "fsp": self.bank.id,
            "branch": self.branches[0].id,
            "account_number": iban,
        }
        item = self.item(fa=self.bank_type._compose(answers).fa)
        self.assertEqual(self.codes(self.link(item, actor=self.bank_only)), [oc.OK])
        other = self.env["g2p.spar.fsp"].create(
            {
                "name": "Other Bank",
                "code": "MTOTHER",
                "national_code": iban[4:12],
                "country_id": self.env.ref("base.de").id,
            }
        )
        item = item._replace(id=wire_id(2))
        refused = self.link(item, actor=self.bank_only)
        self.assertEqual(self.codes(refused), [oc.INVALID_FA])
        self.assertIn("provider", refused[0].message)
        refused = self.update(
            item._replace(id=wire_id(1), name="Ada"), actor=self.bank_only
        )
        self.assertEqual(self.codes(refused), [oc.INVALID_FA])
        both = self.actor._replace(limits=Limits(providers={"MTBANK", other.code}))
        self.assertEqual(self.codes(self.link(item, actor=both)), [oc.OK])

    def test_iban_of_another_provider_in_any_spelling(self):
        """A compatible client's number that its rule refuses stays as it is written."""
        german = self.env.ref("base.de").id
        self.env["g2p.spar.fsp"].create(
            {
                "name": "Other Bank",
                "code": "MTOTHER",
                "national_code": "37040044",
                "country_id": german,
            }
        )
        actor = self.bank_only._replace(strict=False)
        for number in (
            *("DE89370400440532013000", "de89370400440532013000"),
            *("dE89 3704 0044 0532 0130 00", "DE 89 3704 0044 0532 0130 00"),
            *("DE-89370400440532013000", "IBAN DE89370400440532013000"),
            "DE\u0668\u0669370400440532013000",  # Arabic digits
            "\uff24\uff25\uff18\uff19370400440532013000",  # full width
        ):
            fa = self.bank_fa().replace("100000000001", number)
            self.assertIn(number, fa)
            with self.subTest(number):
                done = self.link(self.item(fa=fa), actor=actor)
                self.assertEqual(self.codes(done), [oc.INVALID_FA])
        fa = self.bank_fa().replace("100000000001", "de00 9999 9999")
        done = self.link(self.item(fa=fa), actor=actor)
        self.assertEqual(self.codes(done), [oc.OK])  # of a bank that nobody knows

    def test_link_to_own_provider_only(self):
        opaque = self.item(3, "1234567@nowhere.example")
        actor = self.bank_only._replace(strict=False)
        done = self.link(
            self.item(1), self.item(2, self.wallet_fa()), opaque, actor=actor
        )
        self.assertEqual(self.codes(done), [oc.OK, oc.INVALID_FA, oc.INVALID_FA])

    def test_mapping_of_another_provider(self):
        self.link(self.item(fa=self.wallet_fa()))
        named = {"current_provider": "MTWALLET", "consent": "C-7"}
        for actor, values in (
            (self.bank_only, named),
            (self.overriding, {}),
            (self.overriding, {"current_provider": "MTWALLET"}),
            (self.overriding, {"consent": "C-7"}),
            (self.overriding, named | {"current_provider": "MTBANK"}),
            (self.overriding, named | {"consent": "C\x00"}),
            (self.overriding, named | {"consent": "  "}),
        ):
            with self.subTest(values=values, override=actor.limits.may_override):
                done = self.update(self.item(**values), actor=actor)[0]
                self.assertEqual((done.code, done.fa), (oc.REJECTED, ""))
                self.assertNotIn("WALLET", done.message.upper())
                gone = self.mapper._unlink([UnlinkItem(wire_id(1), **values)], actor)[0]
                self.assertEqual(gone.code, oc.REJECTED)
        self.assertEqual(self.resolve().fa, self.wallet_fa())
        self.assertEqual(len(self.history()), 1)
        done = self.update(self.item(**named), actor=self.overriding)
        self.assertEqual(self.codes(done), [oc.OK])
        self.assertEqual(self.history()[-1].consent, "C-7")
        # by now it is its own
        done = self.update(self.item(fa=self.bank_fa(2)), actor=self.bank_only)
        self.assertEqual(self.codes(done), [oc.OK])

    def test_unlink_with_consent(self):
        self.link(self.item(fa=self.wallet_fa()))
        item = UnlinkItem(wire_id(1), current_provider="MTWALLET", consent="C-7")
        gone = self.mapper._unlink([item], self.overriding)
        self.assertEqual(self.codes(gone), [oc.OK])
        self.assertEqual(self.history()[-1].consent, "C-7")

    def test_account_without_provider_is_nobodys_to_take(self):
        lenient = self.actor._replace(strict=False)
        self.link(self.item(fa="1234567@nowhere.example"), actor=lenient)
        for provider in ("", "MTBANK"):
            item = self.item(current_provider=provider, consent="C-7")
            self.assertEqual(
                self.codes(self.update(item, actor=self.overriding)), [oc.REJECTED]
            )
