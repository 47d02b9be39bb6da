# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Reads everything a login can reach and looks for what must not be there."""

import json
import secrets
from typing import NamedTuple

import requests
from passlib.context import CryptContext

#: besides the suite's own models: where values come to lie by accident
NEIGHBOURS = (
    "bus.bus",
    "ir.attachment",
    "ir.logging",
    "mail.mail",
    "mail.message",
    "mail.tracking.value",
    "queue.job",
    "res.partner",
    "res.users",
)
LIMIT = 200
OPERATORS = ("in", "ilike", "like", "=like")
TEXTS = {"char", "text", "html", "json", "binary", "reference", "many2one"}
RELATIONS = {"many2one", "one2many", "many2many"}
API_KEYS = CryptContext(["pbkdf2_sha512"], pbkdf2_sha512__rounds=6000)


class Field(NamedTuple):
    model: str
    name: str
    ttype: str
    relation: str | None
    is_stored: bool


class Sweeper:
    """One login's eyes.

    :param RunningSpar spar: the server
    :param str login: login, which is the password, too; None for nobody
    :param dict secrets: ``{what it is: text}`` to look for in every answer
    :param Texts texts: what searches are tried with
    :param dict fields: what :func:`fields_by_model` gives
    """

    def __init__(self, spar, login, secrets, texts, fields):
        self.spar = spar
        self.secrets = secrets
        self.texts = texts
        self.fields = fields
        self._described = {}
        self.found = {}  #: what it is -> where it was read first
        #: (model, field, kind of text) of searches that told something
        self.told = set()
        self.calls = 0
        self.http = requests.Session()
        if login:
            spar.log_in(self.http, login, login)

    # ------------------------------------------------------------------ calling

    def call(self, model, method, *args, **kwargs):
        """The result, or None when it is refused; every answer is looked through."""
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {
                "params": {
                    "model": model,
                    "method": method,
                    "args": args,
                    "kwargs": kwargs,
                }
            },
            f"{model}.{method} {args!r:.80}",
        ).get("result")

    def _post(self, path, body, where, **headers):
        answer = self.http.post(
            self.spar.base_url + path, json=body, headers=headers, timeout=60
        )
        self.calls += 1
        for what, text in self.secrets.items():
            if text in answer.text and not self._is_echo(text, body):
                self.found.setdefault(what, where)
        try:
            content = answer.json()
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {"result": content}

    @staticmethod
    def _is_echo(text, body):
        """A fault may say which domain it was given; it must not say more."""
        return text in json.dumps(body)

    # ------------------------------------------------------------------ sweeping

    def sweep(self, model):
        """Everything about one model."""
        fields = self.fields[model]
        names = [field.name for field in fields]
        ids = self._ids(model)
        described = self._describe(model)
        readable = [name for name in names if name in described]
        self.call(model, "read", ids, names)
        self.call(model, "name_search", "")
        self.call(model, "export_data", ids, names)
        self.json_2(model, "search_read", domain=[], fields=readable, limit=LIMIT)
        seen = self.call(model, "search_read", [], readable, limit=LIMIT)
        if seen is None:
            return
        self._read_more(model, [row["id"] for row in seen], described)
        for field in fields:
            if field.name not in described and self._is_of_interest(field):
                self._try_closed(model, field.name)
        self._ask_all(model, fields, described)
        for field in fields:
            for child in self.fields.get(field.relation, ()):
                if (
                    child.ttype in TEXTS
                    and child.name not in self._describe(field.relation)
                    and self._is_of_interest(child)
                ):
                    self._ask(model, f"{field.name}.{child.name}", ("ilike",))
        for text, decoy in zip(self.texts.parts, self.texts.decoys.parts, strict=True):
            hits = self.call(model, "name_search", text)
            if hits and hits != self.call(model, "name_search", decoy):
                self.told.add((model, "display_name", "part"))

    def _ids(self, model):
        """Record ids, whether the login may see them or not."""
        rows = self.spar.psql(
            f"SELECT id FROM {model.replace('.', '_')} ORDER BY id DESC LIMIT {LIMIT}"
        )
        return [row["id"] for row in rows]

    def _describe(self, model):
        """Fields of a model as the login may know them."""
        if model not in self._described:
            self._described[model] = self.call(model, "fields_get") or {}
        return self._described[model]

    @staticmethod
    def _is_of_interest(field):
        return field.model not in NEIGHBOURS or "spar" in field.name

    def _read_more(self, model, ids, described):
        """Other ways to read what is readable anyway."""
        shapes = {
            name: {"fields": {"display_name": {}}, "limit": 20}
            if description["type"] in RELATIONS
            else {}
            for name, description in described.items()
        }
        self.call(model, "web_search_read", [], shapes, limit=LIMIT)
        self.call(model, "web_read", ids, shapes)
        for opened in ([], ids[:1]):  # the form of a new record, and of one there is
            self.call(model, "onchange", opened, {}, [], shapes)
        exported = [name for name, about in described.items() if about["exportable"]]
        self.call(model, "export_data", ids, exported)
        # one call for all; when one field spoils it, one for each
        groups = [
            name
            for name, about in described.items()
            if about["groupable"] and about["type"] not in ("date", "datetime")
        ]
        sums = [
            f"{name}:array_agg"
            for name, about in described.items()
            if about["store"] and about["groupable"] and about["type"] in TEXTS
        ]
        for names, make in (
            (groups, lambda names: (names, ["__count"])),
            (sums, lambda names: ([], names)),
        ):
            if self.call(model, "formatted_read_group", [], *make(names)) is None:
                for name in names:
                    self.call(model, "formatted_read_group", [], *make([name]))

    def _try_closed(self, model, name):
        """All ways to a field that the login may not know of."""
        self.call(model, "search_read", [], [name])
        self.call(model, "formatted_read_group", [], [name], [f"{name}:array_agg"])
        self._ask(model, name, ("=", "ilike"))
        if self.call(model, "search_read", [], ["id"], order=name, limit=1) is not None:
            self.told.add((model, name, "order"))

    # ------------------------------------------------------------------ searching

    def _ask_all(self, model, fields, described):
        """Whether a search by a readable field tells who is stored: plain columns in
        one question, others one by one."""
        plain = []
        for field in fields:
            about = described.get(field.name)
            if not about or field.ttype not in TEXTS:
                continue
            if field.is_stored and about["searchable"]:
                plain.append(field)
            elif self._is_of_interest(field):
                self._ask(model, field.name, ("in", "ilike"))
        if not plain:
            return
        question = [
            condition
            for field in plain
            for operator in self._operators(field)
            for _kind, condition in self._conditions(field.name, operator, self.texts)
        ]
        hits = self.call(model, "search_count", ["|"] * (len(question) - 1) + question)
        if hits or hits is None:
            for field in plain:
                self._ask(model, field.name, self._operators(field))

    @staticmethod
    def _operators(field):
        return ("ilike",) if field.ttype == "many2one" else OPERATORS

    def _ask(self, model, name, operators):
        for operator in operators:
            for kind in ("whole", "part"):
                hits = self._count(model, name, operator, kind, self.texts)
                # whatever is found for everybody tells nothing
                if hits and hits != self._count(
                    model, name, operator, kind, self.texts.decoys
                ):
                    self.told.add((model, name, kind))

    def _count(self, model, name, operator, kind, texts):
        question = [
            condition
            for of_kind, condition in self._conditions(name, operator, texts)
            if of_kind == kind
        ]
        if not question:
            return None
        return self.call(model, "search_count", ["|"] * (len(question) - 1) + question)

    @staticmethod
    def _conditions(name, operator, texts):
        """Pairs of kind (``whole`` value, or ``part`` of one) and condition."""
        if operator in ("=", "in"):
            yield "whole", [name, "in", texts.wholes]
            return
        for kind, these in (("whole", texts.wholes), ("part", texts.parts)):
            for text in these:
                if operator == "=like":
                    text = f"%{text}%"
                yield kind, [name, operator, text]

    # ------------------------------------------------------------------ JSON-2

    def json_2(self, model, method, **values):
        if self.key:
            self._post(
                f"/json/2/{model}/{method}",
                values,
                f"JSON-2 {model}.{method} {values!r:.80}",
                Authorization=f"bearer {self.key}",
            )

    key = None

    def make_key(self, login):
        """An API key, as its owner would make it in the preferences."""
        self.key = secrets.token_hex(20)
        self.spar.psql(
            "INSERT INTO res_users_apikeys (name, user_id, key, index)"
            " SELECT 'sweep', id, %s, %s FROM res_users WHERE login = %s",
            [API_KEYS.hash(self.key), self.key[:8], login],
        )


class Texts:
    """What searches are tried with: whole values, and what masks hide of them.

    The pieces are long: five digits stand in one checksum, style sheet or bank code
    or another.

    :param people: list of :class:`planted.Person`
    :param Texts decoys: the same of people who are stored nowhere
    """

    def __init__(self, people, decoys=None):
        self.wholes = [value for person in people for value in person]
        self.parts = [
            text[:-4] for person in people for text in person.secrets().values()
        ]
        self.decoys = decoys


def fields_by_model(spar):
    """Fields of the suite's tables and their neighbours, as the registry has them."""
    rows = spar.psql(
        "SELECT f.model, f.name, f.ttype, f.relation, f.store"
        "  FROM ir_model_fields f JOIN ir_model m ON m.id = f.model_id"
        " WHERE NOT m.abstract"
        "   AND (m.model LIKE 'g2p.spar.%%' OR m.model = ANY(%s))"
        " ORDER BY f.model, f.name",
        [list(NEIGHBOURS)],
    )
    found = {}
    for row in rows:
        found.setdefault(row["model"], []).append(Field(*row.values()))
    return found
