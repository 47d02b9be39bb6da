# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo import api, models
from odoo.tools import SQL

from ..sealed_field import is_sealed


class Base(models.AbstractModel):
    """What models with sealed fields need.

    A value is sealed for its row, so the row has its id before it is inserted. Sealed
    columns have no order and no equal values: a query that groups, sorts or adds up by
    one is refused instead of giving nonsense.
    """

    _inherit = "base"

    @api.model
    def _create(self, data_list):
        if any(is_sealed(field) for field in self._fields.values()):
            ids = self._next_ids(len(data_list))
            for data, id_ in zip(data_list, ids, strict=True):
                data["stored"]["id"] = id_
        return super()._create(data_list)

    @api.model
    def _next_ids(self, count):
        """Ids for rows that are about to be inserted."""
        rows = self.env.execute_query(
            SQL(
                "SELECT nextval(%s) FROM generate_series(1, %s)",
                f"{self._table}_id_seq",
                count,
            )
        )
        return [id_ for (id_,) in rows]

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
