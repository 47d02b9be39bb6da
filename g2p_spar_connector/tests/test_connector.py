# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from typing import ClassVar

from odoo import fields, models
from odoo.exceptions import AccessError
from odoo.orm.model_classes import add_to_registry
from odoo.tests.common import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.outcomes import (
    INVALID_ID,
    NOT_LINKED,
    OK,
    Actor,
    LinkItem,
    Outcome,
    ResolveItem,
    UnlinkItem,
)

from ..capabilities import Capabilities
from .common import ID, OTHER_ID, ConnectorCase


class NotebookConnector(models.Model):
    """The whole of a third party's adapter, part one: its code."""

    _module = None
    _name = "g2p.spar.connector"
    _inherit = ("g2p.spar.connector",)

    adapter = fields.Selection(
        selection_add=[("notebook", "A notebook")], ondelete={"notebook": "set default"}
    )


class NotebookAdapter(models.AbstractModel):
    """Part two: one class that keeps the contract, here with a dictionary."""

    _module = None
    _name = "g2p.spar.connector.adapter.notebook"
    _inherit = ("g2p.spar.connector.adapter",)
    _description = "Notebook"

    pages: ClassVar[dict] = {}
    calls: ClassVar[list] = []

    def _capabilities(self, connector):
        return Capabilities(
            operations=frozenset({"link", "resolve"}),
            batch_size=2,
            one_item_per_id=True,
            in_transaction=True,
        )

    def _link(self, connector, items, actor):
        self.calls.append([item.id for item in items])
        for item in items:
            self.pages[item.id] = item.fa
        return [Outcome(OK, item.id, item.reference) for item in items]

    def _resolve(self, connector, items, actor):
        self.calls.append([item.id for item in items])
        return [
            Outcome(OK, item.id, item.reference, fa=self.pages[item.id])
            if item.id in self.pages
            else Outcome(NOT_LINKED, item.id, item.reference)
            for item in items
        ]

    def _check(self, connector):
        return "The notebook is on the desk."


@tagged("post_install", "-at_install")
class TestConnector(ConnectorCase):
    def _use_notebook(self):
        connector_class = self.registry["g2p.spar.connector"]
        before = connector_class._base_classes__
        add_to_registry(self.registry, NotebookConnector)
        add_to_registry(self.registry, NotebookAdapter)
        self.registry._setup_models__(self.env.cr, [])

        def forget():
            connector_class._base_classes__ = before
            contract = self.registry["g2p.spar.connector.adapter"]
            contract._inherit_children.discard(NotebookAdapter._name)
            del self.registry.models[NotebookAdapter._name]
            self.registry._setup_models__(self.env.cr, ["g2p.spar.connector"])

        self.addCleanup(forget)
        NotebookAdapter.pages.clear()
        NotebookAdapter.calls.clear()
        return self.connectors.create(
            {"name": "Desk", "adapter": "notebook", "sequence": 1}
        )

    # -- third parties -------------------------------------------------------------

    def test_one_class_and_a_selection_make_an_adapter(self):
        notebook = self._use_notebook()
        self.perform(self.submit())
        self.assertEqual(NotebookAdapter.pages, {ID: self.address().fa})
        found, missing = self.connectors._resolve([ID, OTHER_ID], "test")
        self.assertEqual((found.code, found.fa), (OK, self.address().fa))
        self.assertEqual(missing.code, NOT_LINKED)
        self.assertEqual(notebook._check(), "The notebook is on the desk.")

    def test_batches_have_the_adapters_size_and_no_id_twice(self):
        notebook = self._use_notebook()
        items = [LinkItem(one, "fa") for one in ("a", "b", "c", "c", "d")]
        outcomes = notebook._call("link", items, Actor("staff"))
        self.assertEqual([one.id for one in outcomes], ["a", "b", "c", "c", "d"])
        self.assertEqual(NotebookAdapter.calls, [["a", "b"], ["c"], ["c", "d"]])

    def test_operation_an_adapter_lacks(self):
        notebook = self._use_notebook()
        with self.assertRaises(SparConfigurationError) as caught:
            notebook._call("unlink", [UnlinkItem(ID)], Actor("staff"))
        self.assertEqual(caught.exception.code, "not_supported")

    def test_answer_of_the_wrong_length(self):
        notebook = self._use_notebook()
        self.patch(self.registry[NotebookAdapter._name], "_resolve", lambda *args: [])
        with self.assertRaises(SparTransientError):
            notebook._call("resolve", [ResolveItem(ID)], Actor("staff"))

    def test_answer_that_writes_the_ids_otherwise(self):
        notebook = self._use_notebook()

        def resolve(adapter, connector, items, actor):
            return [Outcome(NOT_LINKED, item.id.upper()) for item in items]

        self.patch(self.registry[NotebookAdapter._name], "_resolve", resolve)
        for ask in (
            lambda: self.connectors._resolve([ID], "test"),
            lambda: notebook._call("resolve", [ResolveItem(ID)], Actor("staff")),
        ):
            with self.assertRaises(SparTransientError) as caught:
                ask()
            self.assertEqual(caught.exception.code, "answer")
            self.assertNotIn("1815", str(caught.exception))

    def test_unfinished_adapter_is_loud(self):
        contract = self.env["g2p.spar.connector.adapter"]
        for method in ("_link", "_update", "_unlink", "_resolve"):
            with self.assertRaises(NotImplementedError):
                getattr(contract, method)(self.local, [], Actor("staff"))

    # -- resolve for programmes ----------------------------------------------------

    def test_resolve_keeps_order_and_repeats(self):
        self.link(ID)
        self.link(OTHER_ID, self.wallet_address())
        asked = [OTHER_ID, "HH-1", ID, OTHER_ID, "\x00", ID]
        outcomes = self.connectors._resolve(asked, "Cycle 4")
        self.assertEqual([one.id for one in outcomes], asked)
        self.assertEqual(
            [one.code for one in outcomes], [OK, NOT_LINKED, OK, OK, INVALID_ID, OK]
        )
        self.assertEqual(outcomes[0].account_type, "mobile_wallet")
        self.assertEqual(outcomes[2].fsp_name, "First Test Bank")
        self.assertEqual(outcomes[2].masked, "•••• 9012")

    def test_resolve_of_nothing(self):
        self.assertEqual(self.connectors._resolve([], "nobody"), [])

    def test_resolve_writes_nothing_and_costs_the_same_for_many(self):
        ids = [f"token:p{number}@nationalId" for number in range(200)]
        self.connectors._resolve(ids[:1], "warm up")
        with self.assertQueryCount(3):
            self.connectors._resolve(ids, "test")
        with self.assertQueryCount(3):
            self.connectors._resolve(ids[:5], "test")

    def test_local_outcomes_are_those_of_the_mapper(self):
        self.link()
        actor = Actor("programme", user_id=self.env.uid)
        for operation, items in (
            ("resolve", [ResolveItem(ID), ResolveItem("nobody")]),
            ("link", [LinkItem(ID, self.address().fa, reference="r")]),
            ("update", [LinkItem("nobody", self.address().fa)]),
            ("unlink", [UnlinkItem(ID, fa=self.wallet_address().fa)]),
        ):
            mapper = self.env["g2p.spar.mapper"]
            self.assertEqual(
                self.local._call(operation, items, actor),
                getattr(mapper, f"_{operation}")(items, actor),
                operation,
            )

    # -- routing -------------------------------------------------------------------

    def test_first_connector_that_takes_the_kind_of_id(self):
        national = self.env.ref("g2p_spar_mapper.id_type_national_id")
        mine = self.connectors.create(
            {
                "name": "National",
                "adapter": "local",
                "sequence": 10,
                "id_type_ids": [(6, 0, national.ids)],
            }
        )
        routes = self.connectors._route([ID, "HH-1", OTHER_ID, "\x00"])
        self.assertEqual(routes[mine], [ID, OTHER_ID])
        self.assertEqual(routes[self.local], ["HH-1", "\x00"])
        mine.sequence = 99
        self.assertEqual(self.connectors._for_id(ID), self.local)
        self.local.active = False
        self.assertEqual(self.connectors._for_id(ID), mine)
        with self.assertRaises(SparConfigurationError):
            self.connectors._for_id("HH-1")
        outcome = self.connectors._resolve(["HH-1"], "test")[0]
        self.assertEqual(outcome.code, INVALID_ID)

    def test_no_connector_at_all(self):
        self.local.active = False
        with self.assertRaises(SparConfigurationError):
            self.connectors._resolve([ID], "test")

    def test_connector_without_adapter(self):
        self.local.adapter = "none"
        with self.assertRaises(SparConfigurationError) as caught:
            self.connectors._resolve([ID], "test")
        self.assertEqual(caught.exception.code, "no_adapter")

    def test_default_connector_is_this_registry(self):
        shipped = self.env.ref("g2p_spar_connector.connector_local")
        self.assertEqual(shipped.adapter, "local")

    # -- test of the connection ----------------------------------------------------

    def test_check_keeps_what_it_saw_until_settings_change(self):
        self.assertEqual(self.local.state, "unchecked")
        action = self.local.action_check()
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(self.local.state, "reachable")
        self.assertTrue(self.local.check_message)
        self.local.adapter = "none"
        self.assertEqual(self.local.state, "unchecked")
        action = self.local.action_check()
        self.assertEqual(action["params"]["type"], "danger")
        self.assertEqual(self.local.state, "failing")
        self.assertIn("no adapter", self.local.check_message)

    # -- who may do what -----------------------------------------------------------

    def test_only_administrators_see_connectors(self):
        for group in (
            "base.group_portal",
            "g2p_spar_bank_directory.group_spar_steward",
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "g2p_spar_connector.group_spar_approver",
        ):
            user = new_test_user(self.env, f"no admin {group}", groups=group)
            theirs = self.local.with_user(user)
            with (
                self.subTest(group=group),
                mute_logger("odoo.addons.base.models.ir_model"),
            ):
                with self.assertRaises(AccessError):
                    theirs.read(["name"])
                with self.assertRaises(AccessError):
                    theirs.action_check()
                # what programmes need works for whoever the caller let in
                self.assertEqual(
                    theirs.browse()._resolve([ID], "test")[0].code, NOT_LINKED
                )

    def test_approver_reads_mappings_and_cannot_write(self):
        mapping = self.env["g2p.spar.mapping"].browse(self.link().mapping_id)
        user = new_test_user(
            self.env, "approves", groups="g2p_spar_connector.group_spar_approver"
        )
        theirs = mapping.with_user(user)
        self.assertEqual(theirs.fa_masked, "•••• 9012")
        with self.assertRaises(AccessError):
            theirs.read(["sealed"])
        with (
            mute_logger("odoo.addons.base.models.ir_model"),
            self.assertRaises(AccessError),
        ):
            theirs.write({"holder_name": "X"})
