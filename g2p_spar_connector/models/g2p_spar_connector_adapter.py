# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models

from ..capabilities import Capabilities


class SparConnectorAdapter(models.AbstractModel):
    """The contract of an adapter: how one kind of mapper is spoken to.

    A new kind of mapper is one addon with

    * one class ``_name = "g2p.spar.connector.adapter.<code>"`` with
      ``_inherit = "g2p.spar.connector.adapter"`` that overrides the methods below, and
    * ``adapter = fields.Selection(selection_add=[("<code>", "<Label>")],
      ondelete={"<code>": "set default"})`` on ``g2p.spar.connector``, plus settings
      whose names begin with ``<code>_`` and which only administrators may read.

    An adapter is called by the connector only (``connector._call``), which has already
    checked the capabilities and cut the items into batches. ``connector`` is one record
    of ``g2p.spar.connector`` that may be read without access rights.

    Promises of each verb:

    * it returns a list of :class:`~odoo.addons.g2p_spar_mapper.outcomes.Outcome` with
      the length and the order of ``items``; each outcome carries the ``id`` and the
      ``reference`` of its item, unchanged;
    * what the mapper says about one item (refused, not linked, ...) is that item's
      outcome and never an exception: one bad item hurts no other;
    * a fault of the whole call is an exception of the suite's tree:
      ``SparTransientError`` when the same call may succeed later or when nobody knows
      whether it was carried out, ``SparConfigurationError`` when an operator has to
      act;
    * sending the same item again is harmless: callers repeat after a transient error;
    * no ID and no financial address stands in a log line or in an error's text;
    * it never commits.
    """

    _name = "g2p.spar.connector.adapter"
    _description = "Adapter of a SPAR Connector"

    def _capabilities(self, connector):
        """What this mapper can do, as data.

        :param connector: the connector asked about
        :rtype: Capabilities
        """
        return Capabilities()

    def _link(self, connector, items, actor):
        """Link each ID to its financial address; only for IDs without a mapping.

        :param connector: the connector to use
        :param list[LinkItem] items: not empty, at most ``batch_size``
        :param Actor actor: who asks, for the mapper's ledger
        :return: ``ok`` or ``already_linked``, ``invalid_*``, ``rejected``, ``retry``
        :rtype: list[Outcome]
        :raises SparTransientError: nobody knows, or it may work later
        :raises SparConfigurationError: an operator has to act
        """
        raise NotImplementedError

    def _update(self, connector, items, actor):
        """Replace the financial address of IDs that have a mapping.

        Parameters and errors as :meth:`_link`; the outcome is ``not_linked`` for an ID
        without a mapping. Updating to the address it has is ``ok``.
        """
        raise NotImplementedError

    def _unlink(self, connector, items, actor):
        """Close the mapping of each ID.

        :param list[UnlinkItem] items: with ``fa`` set, only if it is the current one
        :return: ``ok``, ``not_linked`` or ``mismatch``, ...; otherwise as :meth:`_link`
        """
        raise NotImplementedError

    def _resolve(self, connector, items, actor):
        """Look up each item; never writes.

        Gives up with SparTransientError ``timeout`` after the time that the context
        names under ``capabilities.SECONDS``, if any: somebody waits at a screen.

        :param list[ResolveItem] items: by ``id``, by ``fa``, or whether they are a pair
        :return: ``ok`` with the address (scope ``details``), ``not_linked``,
            ``inactive`` or ``mismatch`` without it, ...; otherwise as :meth:`_link`
        """
        raise NotImplementedError

    def _check(self, connector):
        """Try whether the mapper can be reached and understands us; changes nothing.

        :return: a sentence for the administrator about what was seen
        :rtype: str
        :raises SparError: with the reason, when it cannot be used
        """
        raise NotImplementedError
