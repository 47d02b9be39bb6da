# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import models

from ..sealed_field import is_sealed


class Base(models.AbstractModel):
    """Sealed columns have no order and no equal values: a query that groups, sorts or
    adds up by one is refused instead of giving nonsense."""

    _inherit = "base"

    def _read_group_groupby(self, alias, groupby_spec, query):
        self._refuse_sealed(groupby_spec)
        return super()._read_group_groupby(alias, groupby_spec, query)

    def _read_group_select(self, aggregate_spec, query):
        self._refuse_sealed(aggregate_spec)
        return super()._read_group_select(aggregate_spec, query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        self._refuse_sealed(field_name)
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def _refuse_sealed(self, spec):
        """:param str spec: name of a field, perhaps with ``:granularity`` behind it"""
        field = self._fields.get(spec.partition(":")[0])
        if is_sealed(field):
            self._check_field_access(field, "read")
            field.refuse(self)

    def _prepare_rekeyed(self, values):
        """Hook for models with sealed fields: keyed hashes that stand beside them.

        Called for each row when a new key of the key ring becomes current.

        :param dict values: the opened sealed fields of one row, None when empty
        :return: new values of further columns, always the same ones
        :rtype: dict
        """
        return {}
