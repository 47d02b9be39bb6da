# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import time

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory import table_reader
from odoo.addons.g2p_spar_bank_directory.exceptions import AddressError
from odoo.addons.g2p_spar_bank_directory.table_record import TableError

from .. import outcomes
from ..import_reader import ImportReader, Refusal
from ..keyring import get_keyring
from ..outcomes import Actor

SECONDS = 8  #: a job works about so long before it lets others
CHUNK = 2000  #: rows checked and staged together
MAX_ROWS = 1_000_000  #: default limit

#: outcome of a refused item -> (column, reason)
REFUSALS = {
    outcomes.INVALID_ID: ("id", "invalid"),
    outcomes.INVALID_NAME: ("name", "invalid"),
    outcomes.INVALID_PHONE: ("phone", "invalid"),
    outcomes.INVALID_REFERENCE: ("reference", "invalid"),
    outcomes.INACTIVE: ("id", "frozen"),
    outcomes.REJECTED: ("id", "unreadable"),
}
#: question of an address that was refused -> column
PARTS = {"fsp": "provider", "branch": "branch"}


class G2pSparImport(models.Model):
    """The check: reads, stages and compares in one pass, and changes nothing.

    One job reads for some seconds and queues the next, in the same transaction as what
    it staged: whatever happens to a job, no row is staged twice or left out.
    """

    _inherit = "g2p.spar.import"

    def action_check(self):
        """Start the check of the file in the background.

        :raise UserError: the columns do not say who is to be paid where
        """
        self.ensure_one()
        self._check_mine()
        self._lock()
        self._check_state("draft")
        self._check_columns()
        self._clear_check()
        self._start("checking")
        return True

    def _check_columns(self):
        targets = self._get_targets()
        if not self.sudo().part_ids:
            raise UserError(self.env._("Upload a file first."))
        if "id" not in targets:
            raise UserError(self.env._("Say which column holds the ID."))
        if "fa" in targets:
            return
        if "number" not in targets:
            raise UserError(
                self.env._(
                    "Say which column holds the account: a financial address, or the "
                    "account number, phone or e-mail."
                )
            )
        if "account_type" not in targets and not self.account_type_id:
            raise UserError(self.env._("Choose the kind of account."))
        if "provider" not in targets and not self.fsp_id:
            raise UserError(
                self.env._("Choose the provider, or the column that names it.")
            )

    def action_draft(self):
        """Take a checked import back, to change the file or its columns."""
        self._check_mine()
        self._lock()
        self._check_state("checked", "to_approve")
        self._clear_check()
        self.sudo().write({"state": "draft"})
        return True

    def _clear_check(self):
        for load in self.sudo():
            load._execute(
                SQL("DELETE FROM g2p_spar_import_row WHERE import_id = %s", load.id)
            )
            load.write(
                {
                    **{name: 0 for name in load._fields if name.endswith("_count")},
                    **{"shared_most": 0, "read_offset": 0, "read_line": 1},
                    "failure": False,
                    "halt": False,
                }
            )
        self.env["g2p.spar.import.row"].invalidate_model()

    # ------------------------------------------------------------------ job

    def _work_checking(self):
        """Read and stage for some seconds.

        :return: whether the file is through
        """
        current = get_keyring().current
        if self.key_id != current:
            # rows under two keys would not be seen to be of one ID: begin again
            self._clear_check()
            self.key_id = current
        try:
            is_through = self._stage_some()
        except TableError as err:
            # nothing of a file that cannot be read to its end is kept
            self._clear_check()
            self.write({"state": "draft", "failure": self._get_reason(err)})
            return None
        if is_through:
            self._finish_check()
        return is_through

    def _stage_some(self):
        begin, until = time.monotonic(), None
        reader = ImportReader(self)
        limit = self._get_limit("import_max_rows", MAX_ROWS)
        form = table_reader.TableFormat(**self.file_format)
        chunk, place, count = [], None, self.row_count
        with self._open_file() as file:
            records = table_reader.iter_records(
                file, form, self.read_offset, self.read_line
            )
            if not self.read_offset and self.has_header:
                next((r for r in records if any(r.cells)), None)
            is_through = True
            for record in records:
                if until is None:
                    # a workbook reads all its texts first: that has to be worth it
                    opened = time.monotonic()
                    until = opened + SECONDS + (opened - begin)
                if record.end is not None:
                    place = (record.end, record.next_line)
                if any(cell.strip() for cell in record.cells):
                    chunk.append(record)
                    count += 1
                if count > limit:
                    raise TableError(
                        self.env._(
                            "The file has more than %s rows. Split it into several"
                            " files.",
                            f"{limit:,}",
                        )
                    )
                if len(chunk) >= CHUNK:
                    self._stage(reader, chunk)
                    chunk = []
                if record.end is not None and time.monotonic() > until:
                    is_through = False
                    break
        self._stage(reader, chunk)
        offset, line = place or (self.read_offset, self.read_line)
        self.write(
            {
                "row_count": count,
                "read_offset": self.read_total if is_through else offset,
                "read_line": line,
            }
        )
        return is_through

    def _stage(self, reader, records):
        """Check and stage one chunk: two queries and those of the directory."""
        found = reader.read_rows(records)
        items = [item for item in found if not isinstance(item, Refusal)]
        previews = iter(self.env["g2p.spar.mapper"]._preview(items, self._get_actor()))
        rows = []
        for record, item in zip(records, found, strict=True):
            if isinstance(item, Refusal):
                rows.append((record.line, "rejected", *item, *[None] * 4))
            else:
                rows.append((record.line, *self._judge(item, next(previews))))
        self.env["g2p.spar.import.row"]._insert_rows(
            self, [(row[0], row[1], row[2] or None, *row[3:]) for row in rows]
        )

    def _judge(self, item, preview):
        """Columns of a staged row, from ``plan`` on."""
        plan, refusal = preview.code, None
        if plan == "new" and self.mode == "update":
            refusal = ("id", "not_linked")
        elif plan == "changed" and self.mode == "link":
            refusal = ("id", "linked")
        elif plan == outcomes.INVALID_FA:
            refusal = (self._get_part(preview.error), "invalid")
        elif plan not in ("new", "changed", "same"):
            refusal = REFUSALS.get(plan, ("", "invalid"))
        keys = (preview.id_key, preview.fa_key)
        if refusal:
            return ("rejected", *refusal, *keys, None, None)
        kept = plan != "same" and [
            *(item.id, item.fa, item.name, item.phone, item.reference)
        ]
        return (plan, None, None, *keys, kept, preview.mapping_id or None)

    def _get_part(self, error):
        """The column that an ``AddressError`` is about."""
        targets = self._get_targets()
        if "fa" in targets or not isinstance(error, AddressError):
            return "fa"
        return PARTS.get(next(iter(error.errors)), "number")

    def _get_actor(self):
        return Actor(
            "import",
            user_id=self.user_id.id,
            purpose=self.name,
            transaction=self.reference,
        )

    # ------------------------------------------------------------------ end

    def _finish_check(self):
        self._reject_duplicates()
        self._count_plans()
        self.write({"state": "checked", "job_uuid": False})
        self._post(
            self.env._(
                "Checked %(rows)s rows: %(new)s new, %(changed)s changed, %(same)s"
                " identical, %(rejected)s rejected.",
                rows=self.row_count,
                new=self.new_count,
                changed=self.changed_count,
                same=self.same_count,
                rejected=self.rejected_count,
            )
        )

    def _reject_duplicates(self):
        """Of rows with the same ID none is taken, unless they name the same account:
        then the first one is. Nobody can say which of two accounts is the right one."""
        self._execute(
            SQL(
                """
                WITH ranked AS (
                    SELECT id, line,
                           first_value(line) OVER w AS first_line,
                           lead(line) OVER w AS next_line,
                           count(*) OVER p AS times,
                           min(fa_key) OVER p <> max(fa_key) OVER p AS is_unclear
                      FROM g2p_spar_import_row
                     WHERE import_id = %s AND plan <> 'rejected'
                    WINDOW p AS (PARTITION BY id_key),
                           w AS (PARTITION BY id_key ORDER BY line)
                )
                UPDATE g2p_spar_import_row r
                   SET plan = 'rejected', reason = 'duplicate', part = 'id',
                       item = NULL,
                       other_line = CASE WHEN ranked.line = first_line
                                         THEN next_line ELSE first_line END
                  FROM ranked
                 WHERE r.id = ranked.id AND times > 1
                   AND (is_unclear OR ranked.line > first_line)
                """,
                self.id,
            )
        )

    def _count_plans(self):
        ((new, changed, same, rejected, shared, most),) = self._execute(
            SQL(
                """
                WITH accounts AS (
                    SELECT count(*) AS ids FROM g2p_spar_import_row
                     WHERE import_id = %(load)s AND plan <> 'rejected'
                     GROUP BY fa_key HAVING count(*) > 1
                )
                SELECT count(*) FILTER (WHERE plan = 'new'),
                       count(*) FILTER (WHERE plan = 'changed'),
                       count(*) FILTER (WHERE plan = 'same'),
                       count(*) FILTER (WHERE plan = 'rejected'),
                       (SELECT count(*) FROM accounts),
                       (SELECT coalesce(max(ids), 0) FROM accounts)
                  FROM g2p_spar_import_row WHERE import_id = %(load)s
                """,
                load=self.id,
            )
        )
        self.write(
            {
                "new_count": new,
                "changed_count": changed,
                "same_count": same,
                "rejected_count": rejected,
                "shared_count": shared,
                "shared_most": most,
            }
        )
