# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.queue_job.tests.common import trap_jobs

from .. import keyring
from ..models import mapping_import_run, mapping_import_undo, mapping_import_work
from ..rekeying import rekey
from .common import wire_id
from .import_case import ImportCase

ADDON = "odoo.addons.g2p_spar_mapper"
FILE, SEALED = f"{ADDON}.models.mapping_import_file", f"{ADDON}.sealed_field"
REKEYING = f"{ADDON}.rekeying"
ENQUEUE = mapping_import_work.G2pSparImport._enqueue


@tagged("post_install", "-at_install")
class TestMappingImportRun(ImportCase):
    def fa(self, number):
        return self.resolve(number).fa

    def test_approved_rows_are_applied_through_the_ledger(self):
        self.link(self.item(2, self.bank_fa(99), name="Old"))
        load = self.apply(self.csv([1, 2, "bad,bank,MTBANK,MT001,1,x"]), mode="both")
        self.assertEqual(load.state, "done")
        self.assertEqual((load.done_count, load.refused_count), (2, 0))
        self.assertEqual(load.progress, 100)
        self.assertIn(str(10**11 + 1), self.fa(1))
        self.assertIn(str(10**11 + 2), self.fa(2))
        event = self.history(1)
        self.assertEqual(
            (event.channel, event.user_id, event.transaction, event.purpose),
            ("import", self.uploader, load.reference, "Test import"),
        )
        self.assertEqual(self.history(2).mapped("verb"), ["link", "update"])
        self.assertEqual(load.approver_id, self.approver)
        self.assertFalse(load.sudo().part_ids)
        self.env.cr.execute("SELECT count(item) FROM g2p_spar_import_row")
        self.assertEqual(self.env.cr.fetchone(), (0,))
        text = " ".join(load.message_ids.mapped("body"))
        self.assertIn("Applied 2 rows", text)
        self.assertNotIn("spartest", text)

    def test_what_changed_since_the_check_is_not_overwritten(self):
        self.link(*(self.item(n, self.bank_fa(50 + n)) for n in (2, 3, 4)))
        load = self.check(self.csv([1, 2, 3, 4]), mode="both")
        self.link(self.item(1, self.bank_fa(71)))
        self.update(self.item(2, self.bank_fa(72)))
        self.remove(3)
        self.work(self.approve(load))
        self.assertEqual((load.done_count, load.refused_count), (1, 3))
        self.assertEqual(
            self.rows(load), [(line, False, "changed_since") for line in (2, 3, 4)]
        )
        self.assertEqual(self.fa(1), self.bank_fa(71))
        self.assertEqual(self.fa(2), self.bank_fa(72))
        self.assertEqual(self.resolve(3).code, "not_linked")
        self.assertIn(str(10**11 + 4), self.fa(4))

    def test_linked_and_removed_since_the_check(self):
        """The newer change stays, though the ID is without account as it was."""
        self.link(self.item(2, self.bank_fa(98)))
        self.remove(2)  # before the check
        load = self.check(self.csv([1, 2, 3]))
        self.link(self.item(1, self.bank_fa(99)))
        self.remove(1)
        self.work(self.approve(load))
        self.assertEqual((load.done_count, load.refused_count), (2, 1))
        self.assertEqual(self.rows(load), [(2, False, "changed_since")])
        self.assertEqual(self.resolve(1).code, "not_linked")

    def test_four_eyes(self):
        load = self.check(self.csv([1]))
        load.action_ask()
        self.uploader.group_ids |= self.env.ref(
            "g2p_spar_mapper.group_spar_import_approver"
        )
        with self.assertRaisesRegex(AccessError, "Another person"):
            load.action_approve()
        for role in "officer", "auditor", "administrator":
            with self.assertRaises(AccessError):
                load.with_user(self.users[role]).action_approve()
        self.assertEqual(load.state, "to_approve")
        load.with_user(self.approver).action_refuse()
        self.assertEqual(load.state, "checked")
        with self.assertRaisesRegex(UserError, "Checked"):
            load.with_user(self.approver).action_approve()
        load.action_ask()
        load.with_user(self.both).action_approve()
        self.assertEqual(load.state, "running")

    def test_jobs_carry_ids_only(self):
        load = self.check(self.csv([1]))
        load.action_ask()
        model = self.env.registry["g2p.spar.import"]
        with patch.object(model, "_enqueue", ENQUEUE), trap_jobs() as trap:
            load.with_user(self.approver).action_approve()
            trap.assert_jobs_count(1)
            (job,) = trap.enqueued_jobs
            self.assertEqual((job.args, job.kwargs), ((load.run,), {}))
            self.assertEqual(job.priority, 20)

    def test_run_in_chunks_with_pause_and_stop(self):
        self.patch(mapping_import_run, "CHUNK", 3)
        load = self.approve(self.check(self.csv(range(1, 11))))
        self.work(load, 1)
        self.assertEqual((load.done_count, load.state), (3, "running"))
        load.with_user(self.approver).action_pause()
        self.work(load)
        load._job_work(load.run)
        self.assertEqual((load.done_count, load.halt), (3, "paused"))
        load.action_continue()
        self.work(load, 1)
        self.assertEqual(load.done_count, 6)
        load.action_cancel()
        self.assertEqual((load.state, load.done_count), ("done", 6))
        load._job_work(load.run)
        self.assertEqual(load.done_count, 6)
        self.assertEqual(self.resolve(7).code, "not_linked")
        self.assertIn("4 rows were left out", load.message_ids[0].body)
        self.undo(load)
        self.assertEqual((load.state, load.undone_count), ("undone", 6))

    def test_a_chunk_that_is_cut_off_is_repeated_as_a_whole(self):
        self.patch(mapping_import_run, "CHUNK", 3)
        load = self.approve(self.check(self.csv(range(1, 8))))
        self.work(load, 1)
        rows = type(self.env["g2p.spar.import.row"])
        failing = patch.object(rows, "_record_outcomes", side_effect=RuntimeError)
        with failing, self.assertRaises(RuntimeError), self.env.cr.savepoint():
            load._job_work(load.run)
        self.env.invalidate_all()
        self.assertEqual((load.done_count, load.cursor), (3, 4))
        self.work(load)
        self.assertEqual((load.done_count, load.refused_count), (7, 0))
        for number in range(1, 8):
            self.assertEqual(len(self.history(number)), 1)

    def test_a_failed_job_stops_visibly(self):
        load = self.approve(self.check(self.csv([1])))
        load._on_work_failed(exc_name="ValueError", exc_message=wire_id(1))
        self.assertEqual(load.halt, "failed")
        self.assertNotIn("spartest", load.failure)
        load.action_continue()
        self.work(load)
        self.assertEqual((load.state, load.failure), ("done", False))

    def test_undo_puts_everything_back(self):
        self.link(
            self.item(2, self.bank_fa(52), name="Old", phone="+254712000002"),
            self.item(3, self.bank_fa(53), additional_info=[{"a": 1}]),
            self.item(4, self.bank_fa(54), name="Old"),
        )
        self.mapper._link(
            [self.item(5, "opaque address")._replace(name="Old")],
            self.actor._replace(strict=False),
        )
        before = {n: self.resolve(n) for n in (2, 3, 4, 5)}
        self.patch(mapping_import_undo, "CHUNK", 2)
        load = self.apply(self.csv([1, 2, 3, 4, 5]), mode="both")
        self.assertEqual(load.done_count, 5)
        self.undo(load)
        self.assertEqual(
            (load.state, load.undone_count, load.kept_count), ("undone", 5, 0)
        )
        self.assertEqual(self.resolve(1).code, "not_linked")
        for number, old in before.items():
            now = self.resolve(number)
            for name in ("fa", "holder_name", "additional_info"):
                self.assertEqual(getattr(now, name), getattr(old, name), number)
        self.assertEqual(self.history(1).mapped("verb"), ["link", "unlink"])
        self.assertEqual(self.history(1)[-1].user_id, self.uploader)
        self.assertIn("Put back 5 rows", load.message_ids[0].body)

    def test_undo_is_refused_once_somebody_built_on_it(self):
        load = self.apply(self.csv([1, 2, 3]))
        self.update(self.item(1, self.bank_fa(71)))
        self.remove(2)
        with self.assertRaisesRegex(UserError, "2 of the 3"):
            load.action_undo_ask()
        self.assertEqual(load.state, "done")

    def test_what_is_changed_during_the_undo_is_kept(self):
        self.patch(mapping_import_undo, "CHUNK", 1)
        load = self.apply(self.csv([1, 2, 3]))
        load.action_undo_ask()
        load.with_user(self.approver).action_undo_approve()
        self.work(load, 1)
        self.update(self.item(3, self.bank_fa(73)))
        self.work(load)
        self.assertEqual((load.undone_count, load.kept_count), (2, 1))
        self.assertEqual(self.fa(3), self.bank_fa(73))

    def test_undo_takes_two_persons(self):
        load = self.apply(self.csv([1]))
        with self.assertRaises(UserError):
            load.with_user(self.approver).action_undo_ask()
        load.with_user(self.both).action_undo_ask()
        with self.assertRaisesRegex(AccessError, "Another person"):
            load.with_user(self.both).action_undo_approve()
        load.with_user(self.approver).action_undo_refuse()
        self.assertEqual(load.state, "done")
        load.action_undo_ask()
        load.with_user(self.both).action_undo_approve()
        self.work(load)
        self.assertEqual(load.state, "undone")

    def test_who_wants_the_undo_is_not_offered_to_approve_it(self):
        load = self.apply(self.csv([1]))
        load.with_user(self.both).action_undo_ask()
        arch = load.with_user(self.both).get_view(view_type="form")["arch"]
        button = etree.fromstring(arch).find(".//button[@name='action_undo_approve']")
        for user, is_hidden in ((self.both, True), (self.approver, False)):
            own = load.with_user(user)
            values = {
                "state": own.state,
                "is_mine": own.is_mine,
                "undo_user_id": own.undo_user_id.id,
                "uid": user.id,
            }
            self.assertEqual(safe_eval(button.get("invisible"), values), is_hidden)

    def test_an_import_runs_once(self):
        load = self.apply(self.csv([1]))
        for action in ("action_ask", "action_check", "action_draft", "action_cancel"):
            with self.assertRaises(UserError):
                getattr(load, action)()
        with self.assertRaises(UserError):
            load.with_user(self.approver).action_approve()
        with self.assertRaisesRegex(UserError, "record"):
            load.unlink()

    def test_nothing_to_apply(self):
        self.link(self.item(1, self.bank_fa(1), name="Name 1"))
        load = self.check(self.csv([1]))
        self.assertEqual(self.counts(load), (1, 0, 0, 1, 0))
        with self.assertRaisesRegex(UserError, "nothing to apply"):
            load.action_ask()

    def test_cancel_forgets_the_file(self):
        load = self.check(self.csv([1]))
        load.action_cancel()
        self.assertEqual(load.state, "cancelled")
        self.assertFalse(load.sudo().part_ids)
        self.assertFalse(self.rows(load))

    def test_access(self):
        load = self.check(self.csv([1]))
        other = self.users["administrator"]
        for action in ("action_ask", "action_draft", "action_pause", "action_cancel"):
            with self.assertRaises(AccessError):
                getattr(load.with_user(other), action)()
        with self.assertRaises(AccessError):
            load.with_user(other).name = "x"
        with self.assertRaises(AccessError):
            load.with_user(other)._add_part(0, b"x")
        with self.assertRaises(AccessError):
            load.with_user(self.users["auditor"]).name = "x"
        with self.assertRaises(AccessError):
            self.imports.with_user(self.approver).create({"name": "x"})
        for role in "officer", "steward", "employee", "portal", "public":
            with self.assertRaises(AccessError):
                load.with_user(self.users[role]).read(["name"])
        for user in other, self.users["auditor"], self.approver:
            as_user = load.with_user(user)
            self.assertEqual(as_user.read(["row_count"])[0]["row_count"], 1)
            rows = as_user.env["g2p.spar.import.row"].search([])
            self.assertTrue(rows)
            for name in ("item", "id_key", "fa_key", "live_id", "mapping_id"):
                with self.assertRaises(AccessError):
                    rows.read([name])
            with self.assertRaises(AccessError):
                as_user.env["g2p.spar.import.part"].search([])

    def test_who_sees_the_buttons_of_the_work(self):
        load = self.approve(self.check(self.csv([1])))
        for user in self.uploader, self.approver:
            self.assertTrue(load.with_user(user).may_steer)
        for role in "auditor", "administrator":
            self.assertFalse(load.with_user(self.users[role]).may_steer)

    def test_results_cannot_be_forged(self):
        load = self.check(self.csv([1]))
        for vals in (
            {"state": "to_approve"},
            {"approver_id": self.approver.id},
            {"user_id": self.approver.id},
            {"row_count": 5},
        ):
            with self.assertRaises(AccessError):
                load.write(vals)
            with self.assertRaises(AccessError):
                self.imports.create({"name": "x", **vals})
        forged = self.imports.with_context(
            default_state="done", default_approver_id=self.approver.id
        ).create({"name": "x"})
        self.assertEqual((forged.state, forged.approver_id.id), ("draft", False))
        with self.assertRaisesRegex(UserError, "Take the import back"):
            load.mode = "update"
        with self.assertRaises(UserError):
            load.column_ids[0].target = False
        with self.assertRaises(AccessError):
            self.env["g2p.spar.import.row"].search([]).write({"plan": "new"})

    def test_what_an_approver_sees_of_the_columns_cannot_be_forged(self):
        load = self.upload(self.csv([1]))
        for vals in {"sample": "•••• 9999"}, {"header": "account"}, {"place": 3}:
            with self.assertRaises(AccessError):
                load.column_ids[0].write(vals)
        load.column_ids[0].target = False

    def test_approval_is_for_what_was_looked_at(self):
        load = self.check(self.csv([1]))
        load.action_ask()
        seen = load.with_user(self.approver).with_context(seen_run=load.run)
        load.action_draft()
        load._add_part(0, self.csv([2]))
        load.finish_upload("other.csv", len(self.csv([2])))
        load.action_check()
        self.work(load)
        load.action_ask()
        with self.assertRaisesRegex(UserError, "changed"):
            seen.action_approve()
        seen.with_context(seen_run=load.run).action_approve()
        self.assertEqual(load.state, "running")

    def test_old_files_are_forgotten(self):
        load = self.check(self.csv([1]))
        young = self.check(self.csv([2]))
        self.imports.sudo()._gc_files()  # nothing is old yet
        self.assertTrue(load.sudo().part_ids)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE g2p_spar_import SET write_date = '2020-01-01' WHERE id = %s",
            [load.id],
        )
        self.env.invalidate_all()
        self.imports.sudo()._gc_files()
        self.assertEqual((load.state, young.state), ("cancelled", "checked"))
        self.assertFalse(load.sudo().part_ids)
        self.assertTrue(young.sudo().part_ids)

    def test_old_work_that_nobody_continues_is_ended(self):
        """A file or rows of it are not kept for ever because the work was halted."""
        checking = self.upload(self.csv([1, 2]))
        checking.action_check()
        running = self.approve(self.check(self.csv([3])))
        young = self.approve(self.check(self.csv([4])))
        (checking | running | young).action_pause()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE g2p_spar_import SET write_date = '2020-01-01' WHERE id = ANY(%s)",
            [(checking | running).ids],
        )
        self.env.invalidate_all()
        self.imports.sudo()._gc_files()
        self.assertEqual(checking.state, "cancelled")
        self.assertFalse(checking.sudo().part_ids)
        self.assertEqual((running.state, running.done_count), ("done", 0))
        self.assertEqual((young.state, young.halt), ("running", "paused"))
        rows = self.env["g2p.spar.import.row"].sudo().search([("item", "!=", False)])
        self.assertEqual(rows.import_id, young)

    def test_staged_rows_open_in_their_place_only(self):
        load = self.approve(self.check(self.csv([1, 2, 3])))
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE g2p_spar_import_row r SET item = o.item"
            "  FROM g2p_spar_import_row o"
            " WHERE r.import_id = %s AND o.import_id = r.import_id"
            "   AND r.line = 2 AND o.line = 3",
            [load.id],
        )
        self.env.cr.execute(
            "UPDATE g2p_spar_import_row SET item = 'x:y'"
            " WHERE import_id = %s AND line = 4",
            [load.id],
        )
        self.work(load)
        self.assertEqual((load.done_count, load.refused_count), (1, 2))
        self.assertEqual(
            self.rows(load), [(2, False, "unreadable"), (4, False, "unreadable")]
        )

    def test_file_and_rows_follow_a_change_of_keys(self):
        load = self.check(self.csv([1, 2]))
        old = keyring.get_keyring()
        new = old._replace(current="n", keys=old.keys | {"n": bytes(32)})
        parts, rows = self.env["g2p.spar.import.part"], load.env["g2p.spar.import.row"]
        with (
            patch.object(keyring, "get_keyring", lambda: new),
            patch(f"{FILE}.get_keyring", lambda: new),
            patch(f"{SEALED}.get_keyring", lambda: new),
            patch(f"{REKEYING}.get_keyring", lambda: new),
        ):
            for model, count in (parts, 1), (rows.sudo(), 2):
                chunk = rekey(model, 0, 100)
                self.assertEqual((chunk.done, chunk.left), (count, 0))
                self.assertFalse(rekey(model, 0, 100).done)
            only_new = new._replace(keys={"n": bytes(32)})
            with patch(f"{FILE}.get_keyring", lambda: only_new), load._open_file() as f:
                self.assertEqual(f.read(), self.csv([1, 2]))
        self.env.cr.execute("SELECT DISTINCT left(item, 2) FROM g2p_spar_import_row")
        self.assertEqual(self.env.cr.fetchall(), [("n:",)])
