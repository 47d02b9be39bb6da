# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import logging

from odoo import api, fields, models
from odoo.tools import split_every

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    SparConfigurationError,
    SparError,
    SparTransientError,
)
from odoo.addons.g2p_spar_mapper.outcomes import (
    INVALID_ID,
    Actor,
    Outcome,
    ResolveItem,
)

_logger = logging.getLogger(__name__)


class SparConnector(models.Model):
    """A mapper that can be reached, with the settings of its adapter.

    Which connector serves an ID is decided by the kind of the ID: the first active
    connector, by sequence, that lists this kind or lists none.
    """

    _name = "g2p.spar.connector"
    _description = "SPAR Connector"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    adapter = fields.Selection(
        [("none", "Not set")],
        required=True,
        default="none",
        help="How this mapper is spoken to. More kinds come with other addons.",
    )
    id_type_ids = fields.Many2many(
        "g2p.spar.id.type",
        string="ID Types",
        help="The kinds of beneficiary IDs this mapper keeps. Empty: all kinds that no "
        "connector higher in the list takes.",
    )
    state = fields.Selection(
        [
            ("unchecked", "Not tested"),
            ("reachable", "Reachable"),
            ("failing", "Not reachable"),
        ],
        string="Connection",
        required=True,
        default="unchecked",
        readonly=True,
        copy=False,
        help="What the last test of the connection saw. It does not stop the connector "
        "from being used.",
    )
    checked_at = fields.Datetime("Last Tested", readonly=True, copy=False)
    check_message = fields.Char("Test Result", readonly=True, copy=False)

    def write(self, vals):
        """Forget the last test once the connector speaks to somebody else."""
        if self._connection_fields() & vals.keys():
            vals = {
                **vals,
                "state": "unchecked",
                "checked_at": False,
                "check_message": False,
            }
        return super().write(vals)

    def action_check(self):
        """Button "Test connection": show and keep what the test saw."""
        self.ensure_one()
        self.check_access("write")
        try:
            message, state = self._check(), "reachable"
        except SparError as err:
            _logger.info("Connector %s: test failed (%s)", self.id, err.code)
            message, state = err.message, "failing"
        self.write(
            {
                "state": state,
                "checked_at": fields.Datetime.now(),
                "check_message": message,
            }
        )
        good = state == "reachable"
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if good else "danger",
                "title": self.env._("Connection works")
                if good
                else self.env._("No connection"),
                "message": message,
                "sticky": not good,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.model
    def _resolve(self, ids, purpose):
        """Where to pay each of these IDs, now: the door for programmes.

        Callers check that their user may ask; this method does not. It keeps no copy,
        writes nothing and asks the mapper afresh each time.

        :param list[str] ids: IDs as programmes write them, any number, any order
        :param str purpose: plain words for the mapper's records: which programme, which
            cycle; no personal data
        :return: one outcome per ID, in the same order, ``ok`` with the address
        :rtype: list[Outcome]
        :raises SparTransientError: a mapper could not be reached; nothing is known
        :raises SparConfigurationError: an operator has to set a connector right
        """
        actor = Actor("programme", user_id=self.env.uid, purpose=purpose)
        outcomes = {}
        for connector, wanted in self._route(dict.fromkeys(ids)).items():
            if not connector:
                outcomes.update(
                    (one, Outcome(INVALID_ID, id=one, message=self._unroutable()))
                    for one in wanted
                )
                continue
            # without a reference: the adapter makes one that is used once
            items = [ResolveItem(id=one) for one in wanted]
            outcomes.update(
                (outcome.id, outcome)
                for outcome in connector._call("resolve", items, actor)
            )
        return [outcomes[one] for one in ids]

    @api.model
    def _for_id(self, wire_id):
        """The connector that serves one ID.

        :param str wire_id: ID as people and programmes write it
        :return: one connector, without access checks
        :raises SparConfigurationError: no connector takes this kind of ID
        """
        (connector,) = self._route([wire_id])
        if not connector:
            raise SparConfigurationError(self._unroutable(), "no_connector")
        return connector

    @api.model
    def _route(self, ids):
        """Group IDs by the connector that serves them.

        :param ids: IDs as written, each once
        :return: ``{connector: [id, ...]}``; an empty connector for IDs of a kind that
            no connector takes
        :raises SparConfigurationError: there is no connector at all
        """
        connectors = self.sudo().search([("active", "=", True)])
        if not connectors:
            raise SparConfigurationError(
                self.env._(
                    "No connector is set up. An administrator adds one under "
                    "SPAR > Configuration > Connectors."
                ),
                "no_connector",
            )
        ids = list(ids)
        by_type = {}
        routes = {}
        id_types = self.env["g2p.spar.id.type"]
        for one, parsed in zip(
            ids, id_types._parse_ids(ids, strict=False), strict=True
        ):
            id_type = parsed.id_type_id if parsed else 0
            if id_type not in by_type:
                by_type[id_type] = connectors.filtered(
                    lambda c, kind=id_type: (
                        not c.id_type_ids or kind in c.id_type_ids.ids
                    )
                )[:1]
            routes.setdefault(by_type[id_type], []).append(one)
        return routes

    def _call(self, operation, items, actor):
        """Ask the mapper behind this connector; the only way to an adapter.

        Writing calls must be safe to repeat: when a later batch meets a fault, the
        answers of the earlier ones are lost with the exception.

        :param str operation: ``link``, ``update``, ``unlink`` or ``resolve``
        :param list items: the items of that operation
        :param Actor actor: who asks
        :return: one outcome per item, in the same order
        :raises SparTransientError: the same call may succeed later
        :raises SparConfigurationError: an operator has to act
        """
        self.ensure_one()
        connector = self.sudo()
        adapter = connector._get_adapter()
        can = adapter._capabilities(connector)
        if operation not in can.operations:
            raise SparConfigurationError(
                self.env._(
                    "The connector “%(name)s” cannot %(operation)s.",
                    name=connector.name,
                    operation=operation,
                ),
                "not_supported",
            )
        method = getattr(adapter, f"_{operation}")
        alone = can.one_item_per_id and operation != "resolve"
        outcomes = []
        for batch in _batches(items, can.batch_size, alone):
            answers = method(connector, batch, actor)
            # an outcome for another ID would be somebody else's account
            if [one.id for one in answers] != [item.id for item in batch]:
                raise SparTransientError(
                    self.env._("The mapper gave an answer that does not fit."),
                    "answer",
                )
            outcomes += answers
        return outcomes

    def _check(self):
        """Try the connection.

        :return: a sentence about what was seen
        :raises SparError: with the reason why it cannot be used
        """
        self.ensure_one()
        connector = self.sudo()
        return connector._get_adapter()._check(connector)

    def _get_adapter(self):
        """The adapter of this connector; the only place that dispatches.

        :raises SparConfigurationError: none is chosen
        """
        self.ensure_one()
        if self.adapter == "none":
            raise SparConfigurationError(
                self.env._(
                    "The connector “%s” has no adapter. An administrator chooses one "
                    "under SPAR > Configuration > Connectors.",
                    self.name,
                ),
                "no_adapter",
            )
        return self.env[f"g2p.spar.connector.adapter.{self.adapter}"]

    @api.model
    def _connection_fields(self):
        """Hook: fields whose change makes the last test worthless."""
        return {"adapter"}

    def _unroutable(self):
        return self.env._("No connector takes this kind of ID.")


def _batches(items, size, alone):
    """Cut items into lists of at most ``size``, in order.

    :param bool alone: no ID stands twice in one list
    """
    if not alone:
        yield from map(list, split_every(size, items))
        return
    batch, seen = [], set()
    for item in items:
        if len(batch) >= size or item.id in seen:
            yield batch
            batch, seen = [], set()
        batch.append(item)
        seen.add(item.id)
    if batch:
        yield batch
