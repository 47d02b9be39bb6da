# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import outcomes
from ..outcomes import LinkItem

CHUNK = 5000  #: rows applied by one job

#: outcome of the mapper -> reason; others are said to be not as they should be
REASON_OF = {
    outcomes.ALREADY_LINKED: "changed_since",
    outcomes.NOT_LINKED: "changed_since",
    outcomes.INACTIVE: "frozen",
    outcomes.RETRY: "retry",
}


class G2pSparImport(models.Model):
    """Approval by a second person, and the run: staged rows through the verbs."""

    _inherit = "g2p.spar.import"

    def action_ask(self):
        """Hand a checked import in for approval."""
        self.ensure_one()
        self._check_mine()
        self._lock()
        self._check_state("checked")
        if not self.new_count + self.changed_count:
            raise UserError(self.env._("There is nothing to apply in this file."))
        self.sudo().write({"state": "to_approve"})
        self._post(self.env._("Handed in for approval."))
        return True

    def action_approve(self):
        """Approve and start the run; only for a second person.

        :raise UserError: the file is another one than the approver has looked at
        """
        self.ensure_one()
        self._check_second_person(self.user_id)
        self._lock()
        self._check_state("to_approve")
        if self.env.context.get("seen_run", self.run) != self.run:
            raise UserError(
                self.env._(
                    "The import was changed after you had opened it. Look at it again."
                )
            )
        load_sudo = self.sudo()
        load_sudo._drop_parts()
        load_sudo.approver_id = self.env.user
        self._start("running")
        self._post(self.env._("Approved by %s.", self.env.user.name))
        return True

    def action_refuse(self):
        """Send an import back to the person who uploaded it."""
        self.ensure_one()
        self._check_second_person(self.user_id)
        self._lock()
        self._check_state("to_approve")
        self.sudo().write({"state": "checked"})
        self._post(self.env._("Not approved by %s.", self.env.user.name))
        return True

    def _drop_parts(self):
        """The staged rows are all that the run needs."""
        self._execute(
            SQL("DELETE FROM g2p_spar_import_part WHERE import_id = %s", self.id)
        )
        self.invalidate_recordset(["part_ids"])

    # ------------------------------------------------------------------ job

    def _work_running(self):
        """Apply the next chunk: mappings, ledger, rows and counts at once.

        :return: whether all rows are through
        """
        rows = self._execute(
            SQL(
                """
                SELECT id, line, plan, item, live_id FROM g2p_spar_import_row
                 WHERE import_id = %s AND line > %s
                   AND plan IN ('new', 'changed') AND outcome IS NULL
                 ORDER BY line LIMIT %s
                """,
                *(self.id, self.cursor, CHUNK),
            )
        )
        if rows:
            done = self._apply(rows)
            self.env["g2p.spar.import.row"]._record_outcomes(self, done)
            applied = sum(outcome == "done" for _line, outcome, *_rest in done)
            self.write(
                {
                    "cursor": rows[-1][1],
                    "done_count": self.done_count + applied,
                    "refused_count": self.refused_count + len(done) - applied,
                }
            )
        if len(rows) == CHUNK:
            return False
        self._finish_run()
        return True

    def _apply(self, rows):
        """Link and update.

        :param rows: list of (id, line, plan, sealed item, id of the live mapping seen)
        :return: list of (line, outcome, reason, mapping id)
        """
        staged = self.env["g2p.spar.import.row"]
        mapper, actor = self.env["g2p.spar.mapper"], self._get_actor()
        untouched = self._get_live([live_id for *_row, live_id in rows if live_id])
        links, updates, done = [], [], []
        for row_id, line, plan, sealed, live_id in rows:
            values = staged._open_item(self, row_id, line, sealed)
            if not values:
                done.append((line, "refused", "unreadable", None))
                continue
            wire_id, fa, name, phone, reference = values
            item = LinkItem(wire_id, fa, name, phone, reference=reference)
            if plan == "new":
                links.append((line, item, None))
            elif live_id in untouched:
                updates.append((line, item, live_id))
            else:
                done.append((line, "refused", "changed_since", None))
        removed = self._get_removed([item.id for _line, item, _live in links])
        done += [
            (line, "refused", "changed_since", None)
            for line, item, _live in links
            if item.id in removed
        ]
        links = [link for link in links if link[1].id not in removed]
        for verb, chosen in (mapper._link, links), (mapper._update, updates):
            if not chosen:
                continue
            results = verb([item for _line, item, _live in chosen], actor)
            for (line, _item, live_id), outcome in zip(chosen, results, strict=True):
                done.append(self._note(line, live_id, outcome))
        return done

    def _note(self, line, live_id, outcome):
        if outcome.code == outcomes.OK:
            # an update that changed nothing opened no mapping
            changed = outcome.mapping_id != live_id
            return line, "done", None, outcome.mapping_id if changed else None
        return line, "refused", REASON_OF.get(outcome.code, "invalid"), None

    def _get_live(self, mapping_ids):
        """Which of these mappings are still live and active; they are locked.

        :rtype: set[int]
        """
        if not mapping_ids:
            return set()
        found = self._execute(
            SQL(
                "SELECT id FROM g2p_spar_mapping WHERE id = ANY(%s)"
                " AND closed_at IS NULL AND state = 'active'"
                " ORDER BY id_key FOR NO KEY UPDATE",
                mapping_ids,
            )
        )
        return {id_ for (id_,) in found}

    def _get_removed(self, wire_ids):
        """Which of these IDs somebody has linked and removed again since the check.

        :rtype: set[str]
        """
        id_types, id_of = self.env["g2p.spar.id.type"], {}
        parsed_ids = id_types._parse_ids(wire_ids)
        known = [pair for pair in zip(wire_ids, parsed_ids, strict=True) if pair[1]]
        for key_id in self.env["g2p.spar.mapper"]._lookup_key_ids():
            keys = id_types._keys([parsed for _wire_id, parsed in known], key_id)
            id_of |= zip(keys, (wire_id for wire_id, _p in known), strict=True)
        found = self._execute(
            SQL(
                "SELECT id_key FROM g2p_spar_mapping"
                " WHERE id_key = ANY(%s::varchar[]) AND closed_at >= %s",
                *(list(id_of), self.checked_at or None),
            )
        )
        return {id_of[id_key] for (id_key,) in found}

    def _finish_run(self):
        """Report; also of a run that somebody has stopped."""
        left = self.new_count + self.changed_count
        left -= self.done_count + self.refused_count
        self._execute(
            SQL(
                "UPDATE g2p_spar_import_row SET item = NULL"
                " WHERE import_id = %s AND item IS NOT NULL",
                self.id,
            )
        )
        self.env["g2p.spar.import.row"].invalidate_model()
        self.write(
            {
                "state": "done",
                "halt": False,
                "job_uuid": False,
                "finished_at": fields.Datetime.now(),
            }
        )
        text = self.env._(
            "Applied %(done)s rows, %(refused)s were not applied.",
            done=self.done_count,
            refused=self.refused_count,
        )
        if left:
            text += " " + self.env._(
                "Stopped by %(user)s: %(left)s rows were left out.",
                user=self.env.user.name,
                left=left,
            )
        self._post(text)
