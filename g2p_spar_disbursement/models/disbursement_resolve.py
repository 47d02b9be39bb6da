# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    AddressError,
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper import outcomes as oc
from odoo.addons.g2p_spar_mapper.sealed_field import is_sealed
from odoo.addons.queue_job.exception import RetryableJobError

from ..quiet_sql import execute_quietly

_logger = logging.getLogger(__name__)

CHUNK = 1000  #: payments per job
MAX_TRIES = 10  #: of one job; with the retry pattern about two hours

#: outcome of the mapper -> (state, reason) of a line; others are refusals
REASONS = {
    oc.NOT_LINKED: ("not_payable", "not_linked"),
    oc.INACTIVE: ("not_payable", "inactive"),
    oc.INVALID_ID: ("not_payable", "invalid_id"),
    oc.RETRY: ("pending", "unanswered"),
}

#: columns of one answer and their SQL types; what an answer leaves out becomes empty
ANSWERED = {
    "id": "int4",
    "state": "text",
    "reason": "text",
    "message": "text",
    "fa": "text",
    "account_number": "text",
    "fa_masked": "text",
    "account_type_id": "int4",
    "fsp_name": "text",
    "fsp_code": "text",
    "branch_name": "text",
    "branch_code": "text",
    "holder_sealed": "text",
}


class Disbursement(models.Model):
    """Resolving: one job per chunk, each of which queues the next in its transaction.

    One job at a time keeps the load on the mapper even, lets a fault stop the work at
    once instead of failing a thousand jobs, and makes the progress exact: the answers,
    the totals and the next job are committed together or not at all.
    """

    _inherit = "g2p.spar.disbursement"

    def action_resolve(self):
        """Start, or go on after a failure; a second click changes nothing.

        :raise UserError: nothing to resolve, or not in this state
        """
        self._check_own()
        self._lock()
        for batch in self:
            if batch.state == "resolving" and not batch._is_stalled():
                continue
            if batch.state not in ("draft", "failed", "resolving"):
                raise UserError(self.env._("This disbursement is resolved already."))
            if not batch.line_count:
                raise UserError(self.env._("There are no payments to resolve."))
            batch._start()
        return True

    def action_resolve_again(self):
        """Ask again for the lines that are not payable; payable ones stay as they are.

        :raise UserError: not resolved yet, or already exported
        """
        self._check_own()
        self._lock()
        for batch in self:
            if batch.state == "resolving":
                continue
            if batch.state != "resolved":
                raise UserError(
                    self.env._(
                        "Only a resolved disbursement that was not exported yet can be"
                        " resolved again."
                    )
                )
            batch._reopen_lines()
            batch._start()
        return True

    def action_cancel(self):
        """Stop for good; a job that is at work notices it before it writes."""
        self._check_own()
        self._lock()
        if any(batch.state == "exported" for batch in self):
            raise UserError(
                self.env._("An exported disbursement can no longer be cancelled.")
            )
        self.sudo().write({"state": "cancelled", "failure": False, "job_uuid": False})
        return True

    def action_draft(self):
        """Take a cancelled disbursement up again; answered lines keep their answers."""
        self._check_own()
        self._lock()
        self.filtered(lambda batch: batch.state == "cancelled").sudo().write(
            {"state": "draft"}
        )
        return True

    # -------------------------------------------------------------- jobs

    def _start(self):
        self.ensure_one()
        self.sudo().write({"state": "resolving", "failure": False, "run": self.run + 1})
        self._enqueue(0)

    def _enqueue(self, after):
        """Queue the job for the chunk that follows line ``after``."""
        job = self.with_delay(
            description=self.env._("Resolve %s", self.reference),
            identity_key=f"spar-disbursement-{self.id}-{self.run}-{after}",
            max_retries=MAX_TRIES,
        )._job_resolve(self.run, after)
        # run without delay there is no job to remember
        self.sudo().job_uuid = getattr(job, "uuid", False)

    def _job_resolve(self, run, after):
        """Resolve the next chunk and queue the one behind it.

        Safe to repeat: it looks at pending lines only, and does nothing for a run that
        is over.

        :param int run: the start this job belongs to
        :param int after: line number behind which the chunk begins
        :raise RetryableJobError: the mapper cannot be reached now
        """
        self.ensure_one()
        if not self.exists() or (self.state, self.run) != ("resolving", run):
            return
        lines = self._get_pending(after)
        if not lines:
            self._finish()
            return
        purpose = " / ".join(filter(None, (self.programme, self.name, self.reference)))
        try:
            outcomes = self.env["g2p.spar.connector"]._resolve(
                [id_value for _id, _line_no, id_value in lines], purpose
            )
        except SparTransientError as err:
            raise RetryableJobError(err.message) from err
        except SparConfigurationError as err:
            _logger.info("Disbursement %s: not configured (%s)", self.id, err.code)
            self._fail(err.message)
            return
        self._record(lines, outcomes)
        if len(lines) < CHUNK:
            self._finish()
        else:
            self._enqueue(lines[-1][1])

    def _get_pending(self, after):
        """The next chunk: list of (line id, line number, ID as written)."""
        self.flush_recordset()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, line_no, id_value
                  FROM g2p_spar_disbursement_line
                 WHERE disbursement_id = %s AND state = 'pending' AND line_no > %s
                 ORDER BY line_no
                 LIMIT %s
                """,
                self.id,
                after,
                CHUNK,
            )
        )
        open_id = self.env["g2p.spar.disbursement.line"]._fields["id_value"].open
        return [
            (line_id, line_no, open_id(token, line_id))
            for line_id, line_no, token in rows
        ]

    def _finish(self):
        self._refresh_totals()
        self.sudo().write(
            {
                "state": "resolved",
                "resolved_at": fields.Datetime.now(),
                "job_uuid": False,
            }
        )
        self._post_event(
            self.env._(
                "Resolved: %(payable)s payable, %(not_payable)s not payable,"
                " %(pending)s without an answer.",
                payable=self.payable_count,
                not_payable=self.not_payable_count,
                pending=self.pending_count,
            )
        )

    def _fail(self, message):
        """Stop visibly; what was answered stays, and resolving can go on later."""
        self.sudo().write({"state": "failed", "failure": message, "job_uuid": False})

    def _on_resolve_failed(self, exc_name="", exc_message="", **_vals):
        """Called by the queue when a job has failed for good.

        :param str exc_name: class of the error; its text may hold anything, so that it
            stays with the job and is not shown here
        """
        if not self.exists() or self.state != "resolving":
            return
        gave_up = exc_name.endswith("FailedJobError")
        self._fail(
            self.env._("The mapper could not be reached for a long time.")
            if gave_up
            else self.env._("A fault in the program; the job of the queue has details.")
        )

    def _get_job(self):
        # sudo: payments officers have no rights on the queue; only its state is used
        return self.env["queue.job"].sudo().search([("uuid", "=", self.job_uuid)])

    def _is_stalled(self):
        """Whether the work stands still because its job was taken out of the queue."""
        job = self._get_job()
        return not job or job.state in ("failed", "cancelled", "done")

    def _get_waiting(self):
        """A sentence about why nothing moves, empty when all is well."""
        self.ensure_one()
        if self.state != "resolving":
            return ""
        if self._is_stalled():
            return self.env._("The work was interrupted. Press “Resolve” to go on.")
        job = self._get_job()
        if job.state == "pending" and job.retry:
            return self.env._("The mapper does not answer now; it will be tried again.")
        if job.state == "pending" and not self.progress:
            return self.env._("Waiting in the queue.")
        return ""

    # -------------------------------------------------------------- answers

    def _record(self, lines, outcomes):
        """Write the answers of one chunk and add them to the totals: one statement.

        :param lines: list of (line id, line number, ID)
        :param outcomes: one per line, in the same order
        """
        answers = self._prepare_answers(
            [line_id for line_id, _line_no, _id in lines], outcomes
        )
        columns = [self._column(name, answers) for name in ANSWERED]
        names = [name for name in ANSWERED if name != "id"]
        execute_quietly(
            self.env,
            SQL(
                """
                WITH answer AS (
                    SELECT * FROM unnest(%(columns)s) AS given(%(names)s)
                ), done AS (
                    UPDATE g2p_spar_disbursement_line line
                       SET %(assignments)s, resolved_at = %(now)s
                      FROM answer
                     WHERE line.id = answer.id
                       AND line.disbursement_id = %(batch)s
                       AND line.state = 'pending'
                 RETURNING line.state, line.amount
                ), sums AS (
                    SELECT count(*) FILTER (WHERE state = 'payable') AS payable,
                           count(*) FILTER (WHERE state = 'not_payable') AS not_payable,
                           coalesce(sum(amount) FILTER (WHERE state = 'payable'), 0)
                               AS payable_amount,
                           coalesce(sum(amount) FILTER (WHERE state = 'not_payable'), 0)
                               AS not_payable_amount
                      FROM done
                )
                UPDATE g2p_spar_disbursement batch
                   SET payable_count = batch.payable_count + sums.payable,
                       not_payable_count = batch.not_payable_count + sums.not_payable,
                       payable_amount = batch.payable_amount + sums.payable_amount,
                       not_payable_amount =
                           batch.not_payable_amount + sums.not_payable_amount
                  FROM sums
                 WHERE batch.id = %(batch)s
                """,
                columns=SQL(", ").join(
                    SQL("%s::%s[]", column, SQL.identifier(kind))
                    for column, kind in zip(columns, ANSWERED.values(), strict=True)
                ),
                names=SQL(", ").join(SQL.identifier(name) for name in ANSWERED),
                assignments=SQL(", ").join(
                    SQL("%s = answer.%s", SQL.identifier(name), SQL.identifier(name))
                    for name in names
                ),
                now=fields.Datetime.now(),
                batch=self.id,
            ),
        )
        self.invalidate_recordset()
        self.env["g2p.spar.disbursement.line"].invalidate_model()

    def _column(self, name, answers):
        """Values of one column, sealed where the column is."""
        field = self.env["g2p.spar.disbursement.line"]._fields[name]
        if is_sealed(field):
            return [field.seal(answer.get(name), answer["id"]) for answer in answers]
        return [answer.get(name) for answer in answers]

    def _prepare_answers(self, line_ids, outcomes):
        """Turn outcomes into column values; a constant number of queries.

        :return: list of dicts with keys of :data:`ANSWERED`
        """
        found = [outcome for outcome in outcomes if outcome.code == oc.OK]
        # sudo: reading the directory's codes, of which nothing but a reason is shown
        account_types = self.env["g2p.spar.account.type"].sudo()
        fas = list({outcome.fa for outcome in found})
        parsed = account_types._parse_addresses(fas, strict=False)
        addresses = dict(zip(fas, parsed, strict=True))
        closed = self._get_closed_providers({outcome.fsp_code for outcome in found})
        return [
            {"id": line_id}
            | self._prepare_answer(outcome, addresses.get(outcome.fa), closed)
            for line_id, outcome in zip(line_ids, outcomes, strict=True)
        ]

    def _get_closed_providers(self, codes):
        """Which of these providers the directory has archived, as set of codes."""
        providers = self.env["g2p.spar.fsp"].sudo().with_context(active_test=False)
        return {
            code
            for (code,) in providers._read_group(
                [("code", "in", list(codes)), ("active", "=", False)], ["code"]
            )
        }

    def _prepare_answer(self, outcome, address, closed):
        """Column values of one line.

        :param outcome: the mapper's :class:`Outcome`
        :param address: what the directory reads in ``outcome.fa``: an ``Address``, an
            error, or None when there is no account
        :param closed: codes of archived providers
        """
        if outcome.code != oc.OK:
            state, reason = REASONS.get(outcome.code, ("not_payable", "rejected"))
            return {
                "state": state,
                "reason": reason,
                "message": outcome.message or None,
            }
        readable = not isinstance(address, AddressError) and address.account_type_id
        snapshot = {
            "fa": outcome.fa,
            "fa_masked": outcome.masked,
            "account_number": address.number if readable else None,
            "account_type_id": address.account_type_id if readable else None,
            "fsp_name": outcome.fsp_name or None,
            "fsp_code": outcome.fsp_code or None,
            "branch_name": outcome.branch_name or None,
            "branch_code": outcome.branch_code or None,
            "holder_sealed": outcome.holder_name or None,
        }
        if outcome.fsp_code in closed:
            reason = "provider_closed"
        elif not (readable or self.allow_unclear):
            reason = "unclear_address"
        else:
            return snapshot | {"state": "payable"}
        return snapshot | {"state": "not_payable", "reason": reason}

    def _reopen_lines(self):
        """Make the lines pending that are not payable; a repeated ID stays refused."""
        self.ensure_one()
        execute_quietly(
            self.env,
            SQL(
                """
                UPDATE g2p_spar_disbursement_line
                   SET state = 'pending', reason = NULL, message = NULL
                 WHERE disbursement_id = %s
                   AND state = 'not_payable' AND reason <> 'duplicate'
                """,
                self.id,
            ),
        )
        self.env["g2p.spar.disbursement.line"].invalidate_model()
        self._refresh_totals()
