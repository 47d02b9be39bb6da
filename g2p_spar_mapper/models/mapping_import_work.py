# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from odoo import fields, models
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparTransientError,
)
from odoo.addons.queue_job.exception import RetryableJobError

from .mapping_import import APPROVER, WORKING

_logger = logging.getLogger(__name__)

MAX_TRIES = 10  #: of one job
PRIORITY = 20  #: behind changes of single persons, which have 10


class G2pSparImport(models.Model):
    """The jobs: one at a time, each of which queues the next in its transaction.

    What a job did, the counts and the next job are committed together or not at all, so
    a killed worker costs the repetition of one chunk and nothing else.
    """

    _inherit = "g2p.spar.import"

    def _start(self, state=None):
        """Set work going, or going on."""
        self.ensure_one()
        vals = {"halt": False, "failure": False, "run": self.run + 1}
        if state:
            vals |= {"state": state, "cursor": 0, "started_at": fields.Datetime.now()}
            vals["finished_at"] = False
        if state == "checking":
            # by the clock that the moments of mappings come from, to the microsecond
            query = SQL("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
            ((vals["checked_at"],),) = self.env.execute_query(query)
        self.sudo().write(vals)
        self._enqueue()

    def _enqueue(self):
        job = self.with_delay(
            description=self.env._("Import %s", self.reference),
            identity_key=(
                f"spar-import-{self.id}-{self.run}-{self.read_offset}-{self.cursor}"
            ),
            max_retries=MAX_TRIES,
            priority=PRIORITY,
        )._job_work(self.run)
        # run without delay there is no job to remember
        self.sudo().job_uuid = getattr(job, "uuid", False)

    def _job_work(self, run):
        """Do the next piece of the work at hand and queue the one behind it.

        Safe to repeat; does nothing for work that was halted or started anew.

        :param int run: the start this job belongs to
        :raise RetryableJobError: a passing fault
        """
        # sudo: whoever queued the job was checked then; only the service acts here
        load = self.sudo()
        if not load.exists() or load.run != run or load.halt:
            return
        step = {
            "checking": load._work_checking,
            "running": load._work_running,
            "undoing": load._work_undoing,
        }.get(load.state)
        if not step:
            return
        try:
            # of a piece that cannot be ended nothing is kept: it is done again whole
            with self.env.cr.savepoint():
                is_through = step()
        except SparTransientError as err:
            raise RetryableJobError(err.message) from err
        except SparConfigurationError as err:
            _logger.info("Import %s: not configured (%s)", load.id, err.code)
            load._fail(err.message)
            return
        if is_through is False:
            self._enqueue()

    def _fail(self, message):
        """Stop visibly; what was done stays, and the work can go on later."""
        self.sudo().write({"halt": "failed", "failure": message, "job_uuid": False})

    def _on_work_failed(self, exc_name="", exc_message="", **_vals):
        """Called by the queue when a job has failed for good.

        The text of the error may hold anything: it stays with the job.
        """
        if self.exists() and self.state in WORKING and not self.halt:
            self._fail(
                self.env._(
                    "A fault in the program; the job of the queue has details. Press"
                    " “Continue” to go on where it stopped."
                )
            )

    # ------------------------------------------------------------------ buttons

    def _check_may_steer(self):
        """:raise AccessError: neither the uploader nor an approver"""
        self.check_access("read")
        if not self.env.user.has_group(APPROVER):
            self._check_mine()

    def action_pause(self):
        """Halt the work; the chunk at hand is finished or repeated later."""
        self._check_may_steer()
        self._lock()
        self._check_state(*WORKING)
        self.sudo().write({"halt": "paused", "job_uuid": False})
        return True

    def action_continue(self):
        """Go on where the work was halted or interrupted."""
        self._check_may_steer()
        self._lock()
        self._check_state(*WORKING)
        for load in self:
            if load.halt or load._is_stalled():
                load._start()
        return True

    def action_cancel(self):
        """Stop for good. Rows that were applied stay applied, and can be put back."""
        self._check_may_steer()
        self._lock()
        self._check_state("draft", "checking", "checked", "to_approve", "running")
        self.sudo()._end()
        return True

    def _end(self):
        """Forget what was not applied, and do no more."""
        for load in self:
            if load.state == "running":
                load._finish_run()
            else:
                load._drop_file()
                load.write({"state": "cancelled", "halt": False, "job_uuid": False})

    # ------------------------------------------------------------------ waiting

    def _is_stalled(self):
        """Whether the work stands still because its job was taken out of the queue."""
        # sudo: only the state of the job is used
        job = self.env["queue.job"].sudo().search([("uuid", "=", self.job_uuid)])
        return not job or job.state in ("failed", "cancelled", "done")

    def _get_waiting(self):
        """A sentence about why nothing moves, empty when all is well."""
        self.ensure_one()
        if self.state not in WORKING:
            return ""
        if self.halt == "paused":
            return self.env._("Paused. Press “Continue” to go on.")
        if self.halt or self._is_stalled():
            return self.env._("The work was interrupted. Press “Continue” to go on.")
        if not self.progress:
            return self.env._("Waiting in the queue.")
        return ""
