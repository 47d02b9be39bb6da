# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import re
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, escape_psql, remove_accents

from ..grammar import has_control

# Codes travel inside addresses: no separator of any known format may be part of one.
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SEARCH_LIMIT = 100  #: most records one search gives back
COUNT_LIMIT = 1000  #: matches are counted up to here
TERM_LENGTH = 100  #: a longer search term is cut


def search_form(text):
    """``text`` as searches compare it: no accents, no capitals, single spaces."""
    return " ".join(remove_accents(text).casefold().split())


# Texts are compared by byte value: they hold no capitals, LIKE is several times faster
# than in a language's own collation, and one index serves both LIKE and the order.
def _like(model, alias, query, pattern):
    text = model._field_to_sql(alias, "search_text", query)
    return SQL('%s COLLATE "C" LIKE %s', text, pattern)


def _has_word(model, alias, query, word):
    pattern = escape_psql(word)
    if len(word) > 2:
        return _like(model, alias, query, f"%{pattern}%")
    # One or two letters: words that begin so. Only that can be found in the index.
    return SQL(
        "(%s OR %s)",
        _like(model, alias, query, f"{pattern}%"),
        _like(model, alias, query, f"% {pattern}%"),
    )


def _is_any_of(model, alias, query, name, texts):
    """Whether a field is one of these texts, which are in lower case."""
    return SQL("lower(%s) = ANY(%s)", model._field_to_sql(alias, name, query), texts)


def _record_has_word(record, word):
    text = record.search_text or ""
    return word in text if len(word) > 2 else f" {word}" in f" {text}"


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
        help="Name, code and BIC without accents and capitals.",
    )

    _search_words = models.Index(
        lambda registry: (
            registry.has_trigram and 'USING gin (search_text COLLATE "C" gin_trgm_ops)'
        )
    )
    _search_order = models.Index('(search_text COLLATE "C", id) WHERE active IS TRUE')

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
        """Entries that hold each word of ``term``, whatever order and capitals.

        A word of one or two letters counts where a word begins.
        """
        words = search_form(term.replace("\x00", "")[:TERM_LENGTH]).split()
        return Domain.AND(
            Domain.custom(
                to_sql=partial(_has_word, word=word),
                predicate=partial(_record_has_word, word=word),
            )
            for word in words
        )

    def _match_fields(self):
        """Names of the fields by which :meth:`_match_texts` finds an entry."""
        return ["code", "bic", "name"]

    @api.model
    def _match_texts(self, texts, domain=Domain.TRUE):
        """Which active entry people mean who write these texts into a table.

        Code, BIC or the whole name; the first of these that fits decides, the exact
        spelling before another one. With one query, whatever the number of texts.

        :param texts: texts without spaces at their ends
        :param Domain domain: which entries are eligible
        :return: for each text that is understood the entries it may mean
        :rtype: dict[str, recordset]
        """
        names = self._match_fields()
        # PostgreSQL knows no text with NUL, so no entry has one
        lowered = list({text.lower() for text in texts if "\x00" not in text})
        wanted = Domain.OR(
            Domain.custom(to_sql=partial(_is_any_of, name=name, texts=lowered))
            for name in names
        )
        records = self.search_fetch(
            Domain(domain) & wanted & Domain("active", "=", True), names
        )
        known = {}
        for fold in (str, str.lower):
            for name in names:
                found = {}
                for record in records:
                    if record[name]:
                        text = fold(record[name])
                        found[text] = found.get(text, self.browse()) | record
                known = found | known
        matches = ((text, known.get(text) or known.get(text.lower())) for text in texts)
        return {text: match for text, match in matches if match}

    @api.model
    def _search_entries(self, term, domain, limit, offset):
        """One page of active entries, those that begin with ``term`` first.

        :param str term: any part of name, code or BIC; words in any order; may be empty
        :param Domain domain: which entries are eligible
        :param int limit: page size, at most 100
        :param int offset: how many to skip
        :return: ``(records, total)``; ``total`` is exact up to 1,000 and stays there
            for more
        """
        limit = min(max(int(limit or 0), 1), SEARCH_LIMIT)
        offset = min(max(int(offset or 0), 0), COUNT_LIMIT)
        term = (term or "").replace("\x00", "")[:TERM_LENGTH]
        domain &= Domain("active", "=", True)
        # Two look-ups, each in the order of an index: sorting every match by "begins
        # with" takes half a second when 100,000 branches match.
        prefix = search_form(term)
        query = self._search(domain)
        query.add_where(self._begins_with(query, prefix))
        ids = self._read_page(query, limit, offset)
        query = self._search(domain & self._get_term_domain(term))
        total = self._count(query)
        if prefix and len(ids) < limit and total > len(ids) + offset:
            begin = self._search(domain)
            begin.add_where(self._begins_with(begin, prefix))
            skip = max(offset - self._count(begin), 0) if offset else 0
            query.add_where(SQL("NOT %s", self._begins_with(query, prefix)))
            ids += self._read_page(query, limit - len(ids), skip)
        return self.browse(ids), total

    def _begins_with(self, query, prefix):
        return _like(self, self._table, query, pattern=escape_psql(prefix) + "%")

    def _read_page(self, query, limit, offset):
        text = self._field_to_sql(self._table, "search_text", query)
        identifier = SQL.identifier(self._table, "id")
        query.order = SQL('%s COLLATE "C", %s', text, identifier)
        query.limit = limit
        query.offset = offset or None
        return [row[0] for row in self.env.execute_query(query.select(identifier))]

    def _count(self, query):
        query.order = query.offset = None
        query.limit = COUNT_LIMIT
        inner = query.select(SQL("1"))
        ((count,),) = self.env.execute_query(SQL("SELECT count(*) FROM (%s) t", inner))
        return count
