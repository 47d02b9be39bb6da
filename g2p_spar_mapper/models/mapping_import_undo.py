# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import outcomes
from ..import_live import read_contents
from ..outcomes import LinkItem, UnlinkItem
from .mapping_import import ADMINISTRATOR

CHUNK = 5000  #: rows put back by one job

TOUCHED = """
    SELECT count(*)
      FROM g2p_spar_import_row r
      LEFT JOIN g2p_spar_mapping m
             ON m.id = r.mapping_id AND m.closed_at IS NULL AND m.state = 'active'
     WHERE r.import_id = %s AND r.outcome = 'done' AND r.mapping_id IS NOT NULL
       AND m.id IS NULL
"""


class G2pSparImport(models.Model):
    """Undo: what the run has opened is taken back, as long as nobody built on it.

    New mappings are unlinked, changed ones get the account they had, through the verbs
    and with their rows in the ledger.
    """

    _inherit = "g2p.spar.import"

    def action_undo_ask(self):
        """Ask for the import to be put back.

        :raise AccessError: not an administrator
        :raise UserError: mappings were changed since; says how many
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group(ADMINISTRATOR):
            raise UserError(self.env._("Only administrators may ask for this."))
        self._lock()
        self._check_state("done")
        self._check_untouched()
        self.sudo().write({"state": "undo_asked", "undo_user_id": self.env.uid})
        self._post(self.env._("%s wants this import undone.", self.env.user.name))
        return True

    def action_undo_refuse(self):
        """Leave the import as it is."""
        self.ensure_one()
        self._check_may_steer()
        self._lock()
        self._check_state("undo_asked")
        self.sudo().write({"state": "done", "undo_user_id": False})
        self._post(self.env._("The import stays; said %s.", self.env.user.name))
        return True

    def action_undo_approve(self):
        """Approve the undo and start it; only for a second person."""
        self.ensure_one()
        self._check_second_person(self.undo_user_id)
        self._lock()
        self._check_state("undo_asked")
        self._check_untouched()
        self.sudo().undo_approver_id = self.env.user
        self._start("undoing")
        self._post(self.env._("Undo approved by %s.", self.env.user.name))
        return True

    def _check_untouched(self):
        """:raise UserError: something was changed since; says how much"""
        if not self.done_count:
            raise UserError(self.env._("This import has changed nothing."))
        ((touched,),) = self._execute(SQL(TOUCHED, self.id))
        if touched:
            raise UserError(
                self.env._(
                    "%(touched)s of the %(done)s mappings of this import were changed,"
                    " removed or frozen since. It can no longer be undone as a whole.",
                    touched=touched,
                    done=self.done_count,
                )
            )

    # ------------------------------------------------------------------ job

    def _work_undoing(self):
        """Put the next chunk back.

        :return: whether all rows are through
        """
        rows = self._execute(
            SQL(
                """
                SELECT line, mapping_id, live_id FROM g2p_spar_import_row
                 WHERE import_id = %s AND line > %s AND outcome = 'done'
                 ORDER BY line LIMIT %s
                """,
                *(self.id, self.cursor, CHUNK),
            )
        )
        if rows:
            done = self._put_back(rows)
            self.env["g2p.spar.import.row"]._record_outcomes(self, done)
            undone = sum(outcome == "undone" for _line, outcome, *_rest in done)
            self.write(
                {
                    "cursor": rows[-1][0],
                    "undone_count": self.undone_count + undone,
                    "kept_count": self.kept_count + len(done) - undone,
                }
            )
        if len(rows) == CHUNK:
            return False
        self._finish_undo()
        return True

    def _put_back(self, rows):
        """Unlink what was new, restore what was changed.

        :param rows: list of (line, mapping opened by the run, the one before)
        :return: list of (line, outcome, reason, mapping id)
        """
        live = self._get_live([mapping_id for _l, mapping_id, _o in rows if mapping_id])
        wanted = [row for row in rows if row[1] in live]
        old_ids = [old_id for _line, _mapping_id, old_id in wanted if old_id]
        contents = read_contents(self.env, [*live, *old_ids])
        # the address may be one that the directory no longer knows
        actor = self._get_actor()._replace(
            user_id=self.undo_user_id.id,
            purpose=self.env._("Undo of %s", self.reference),
            strict=False,
        )
        codes = self._restore(
            [
                (line, contents[new], old and contents[old])
                for line, new, old in wanted
                if new in contents and (not old or old in contents)
            ],
            actor,
        )
        done = []
        for line, mapping_id, _old_id in rows:
            if mapping_id is None:
                done.append((line, "undone", None, None))
            elif codes.get(line) == outcomes.OK:
                done.append((line, "undone", None, mapping_id))
            else:
                done.append((line, "kept", "changed_since", mapping_id))
        return done

    def _restore(self, pairs, actor):
        """Through the verbs.

        An update keeps a name or phone that it does not bring. Where there was none
        before, the mapping is closed and linked anew, so that none is left behind.

        :param pairs: list of (line, content now, content before or None)
        :return: outcome code by line
        """
        removals, updates, links = [], [], []
        for line, now, old in pairs:
            item = old and LinkItem(
                old.id, old.fa, old.name, old.phone, old.additional_info
            )
            if old and all(
                getattr(old, name) or not getattr(now, name)
                for name in ("name", "phone", "additional_info")
            ):
                updates.append((line, item))
                continue
            removals.append((line, UnlinkItem(now.id)))
            if old:
                links.append((line, item))
        mapper = self.env["g2p.spar.mapper"]
        codes = {}
        for verb, chosen in (
            (mapper._unlink, removals),
            (mapper._update, updates),
            (mapper._link, links),
        ):
            if chosen:
                results = verb([item for _line, item in chosen], actor)
                for (line, _item), outcome in zip(chosen, results, strict=True):
                    codes[line] = outcome.code
        return codes

    def _finish_undo(self):
        self.write(
            {
                "state": "undone",
                "job_uuid": False,
                "finished_at": fields.Datetime.now(),
            }
        )
        self._post(
            self.env._(
                "Put back %(undone)s rows; %(kept)s were changed meanwhile and kept.",
                undone=self.undone_count,
                kept=self.kept_count,
            )
        )
