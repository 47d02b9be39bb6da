# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models

from ..outcomes import OK, Actor, LinkItem, UnlinkItem


class G2pSparMapper(models.AbstractModel):
    _inherit = "g2p.spar.mapper"

    @api.model
    def _load_demo(self, steps):
        """Make demo mappings the way real ones are made: through the verbs.

        :param list[dict] steps: in order, each with ``verb``, ``id``, ``user``,
            and for link and update ``kind`` (code of the account type), ``fsp``,
            perhaps ``branch`` (users and directory by xml id), typed answers, ``name``
            and ``phone``
        :raise ValueError: a step was refused; names its place, not its content
        """
        for number, step in enumerate(steps, start=1):
            actor = Actor(
                channel=step.get("channel", "staff"),
                user_id=self.env.ref(step["user"]).id,
                purpose=step.get("purpose", "Demonstration"),
                transaction=f"DEMO-{number:03}",
            )
            if step["verb"] == "unlink":
                outcome = self._unlink([UnlinkItem(step["id"])], actor)[0]
            else:
                verb = getattr(self, f"_{step['verb']}")
                outcome = verb([self._prepare_demo_item(step)], actor)[0]
            if outcome.code != OK:
                raise ValueError(f"Step {number} of the demo gave: {outcome.code}")

    @api.model
    def _prepare_demo_item(self, step):
        account_type = self.env["g2p.spar.account.type"].search(
            [("code", "=", step["kind"])]
        )
        answers = {
            question.key: step.get(question.key) for question in account_type.field_ids
        }
        for key in ("fsp", "branch"):
            answers[key] = self.env.ref(step[key]).id if step.get(key) else False
        address = account_type._compose(answers)
        return LinkItem(
            step["id"], address.fa, step.get("name", ""), step.get("phone", "")
        )
