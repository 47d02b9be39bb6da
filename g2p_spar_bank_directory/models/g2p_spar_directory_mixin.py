# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, escape_psql, remove_accents

from ..grammar import has_control

# Codes travel inside addresses: no separator of any known format may be part of one.
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SEARCH_LIMIT = 100  #: most records one search gives back
TERM_LENGTH = 100  #: a longer search term is cut


def search_form(text):
    """``text`` as searches compare it: no accents, no capitals, single spaces."""
    return " ".join(remove_accents(text).casefold().split())


class DirectoryMixin(models.AbstractModel):
    """What providers and branches share: name, wire code, BIC and the search."""

    _name = "g2p.spar.directory.mixin"
    _description = "Entry of the bank directory"
    _order = "name, id"
    _rec_names_search = ["name", "code"]

    name = fields.Char(required=True)
    code = fields.Char(
        required=True,
        help="Stands for this entry inside financial addresses. Letters, digits, "
        "dots, dashes and underscores; it should never change once it is in use.",
    )
    bic = fields.Char("BIC", size=11)
    active = fields.Boolean(default=True)
    search_text = fields.Char(
        compute="_compute_search_text",
        store=True,
        index="trigram",
        help="Name, code and BIC without accents and capitals.",
    )

    def _search_text_fields(self):
        """Names of the fields that a search looks at, the most telling first."""
        return ["name", "code", "bic"]

    @api.depends(lambda self: self._search_text_fields())
    def _compute_search_text(self):
        names = self._search_text_fields()
        for record in self:
            record.search_text = search_form(
                " ".join(record[name] for name in names if record[name])
            )

    @api.constrains("name", "code", "bic")
    def _check_wire_texts(self):
        for record in self:
            if has_control(record.name) or len(record.name) > 255:
                raise ValidationError(
                    self.env._("The name is one line of at most 255 characters.")
                )
            if not CODE.fullmatch(record.code):
                raise ValidationError(
                    self.env._(
                        "The code “%s” is not usable: at most 64 letters, digits, "
                        "dots, dashes and underscores, beginning with a letter or "
                        "digit.",
                        record.code,
                    )
                )
            if record.bic and not re.fullmatch(
                r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", record.bic
            ):
                raise ValidationError(
                    self.env._("A BIC has 8 or 11 capital letters and digits.")
                )

    @api.model
    def _search_display_name(self, operator, value):
        """Searches as you type look at ``search_text``; others at name and code."""
        if operator not in ("ilike", "not ilike") or not value:
            return super()._search_display_name(operator, value)
        domain = self._get_term_domain(value)
        return ~domain if operator == "not ilike" else domain

    @api.model
    def _get_term_domain(self, term):
        """Entries that hold each word of ``term``; any order, accents, capitals."""
        words = search_form(term.replace("\x00", "")[:TERM_LENGTH]).split()
        return Domain.AND(
            Domain("search_text", "ilike", escape_psql(word)) for word in words
        )

    @api.model
    def _search_entries(self, term, domain, limit, offset):
        """One page of active entries, those that begin with ``term`` first.

        :param str term: any part of name, code or BIC; words in any order; may be empty
        :param Domain domain: which entries are eligible
        :param int limit: page size, at most 100
        :param int offset: how many to skip
        :return: ``(records, total)``
        """
        limit = min(max(int(limit or 0), 1), SEARCH_LIMIT)
        offset = max(int(offset or 0), 0)
        term = (term or "").replace("\x00", "")[:TERM_LENGTH]
        domain &= Domain("active", "=", True) & self._get_term_domain(term)
        term = search_form(term)
        query = self._search(domain)
        if query.is_empty():
            return self.browse(), 0
        order = self._order_to_sql(self._order, query)
        if term:
            order = SQL(
                "%s LIKE %s DESC, %s",
                self._field_to_sql(self._table, "search_text", query),
                escape_psql(term) + "%",
                order,
            )
        query.order = order
        query.limit = limit
        query.offset = offset or None
        # One statement for page and total.
        rows = self.env.execute_query(
            query.select(SQL.identifier(self._table, "id"), SQL("count(*) OVER ()"))
        )
        if rows:
            return self.browse(row[0] for row in rows), rows[0][1]
        return self.browse(), self.search_count(domain) if offset else 0
