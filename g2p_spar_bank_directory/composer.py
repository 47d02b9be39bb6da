# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Turns the answers of a form into one financial address."""

import re
from typing import NamedTuple

from . import grammar
from .address import Address
from .address_reader import mask_number
from .const import BRANCH_CODE, BRANCH_NAME, FA_TYPE, FSP_CODE, FSP_NAME, role
from .exceptions import AddressError
from .masking import last
from .validators import MAX_ANSWER, normalise


class Question(NamedTuple):
    """A typed question; plain, since a record costs a microsecond per field."""

    record: object
    key: str
    required: bool
    validator: str
    pattern: str


class Place(NamedTuple):
    """Where an account is kept: what the directory says of one provider and branch."""

    errors: dict  #: key -> sentence
    fsp: object
    country: str  #: two-letter code of the provider's country, may be empty
    names: dict  #: role (see const.py) -> text
    parts: dict  #: members of ``Address``


class AddressComposer:
    """Checks the answers to one account type's questions and writes the address.

    One composer may write many addresses: it looks each entry of the directory up once.
    """

    def __init__(self, account_type):
        self.env = account_type.env
        self.account_type = account_type
        self.strategy = account_type.strategy_id
        self.separators = grammar.separators(self.strategy.construct_template)
        self.template = grammar.split_template(self.strategy.construct_template)
        self.roles = {name: role(name) for name in self.template[1]}
        questions = account_type.field_ids
        self.by_source = {q.source: q for q in questions if q.source != "typed"}
        self.typed = [
            Question(q, q.key, q.required, q.validator, q.pattern or "")
            for q in questions
            if q.source == "typed"
        ]
        self.number = questions.filtered("is_number")
        self.number_key, self.mask = self.number.key, self.number.mask
        self.common = {
            "account_type_id": account_type.id,
            "account_type": account_type.code,
            "strategy_id": self.strategy.id,
        }
        (self.format,) = (
            fmt
            for fmt in account_type._get_formats()
            if fmt.strategy_id == self.strategy.id
        )
        self.entries = {}  # (model, id) -> record of the directory
        self.places = {}  # what the two answers from the directory say -> Place
        self.branched = {}  # provider -> whether it has branches
        self.errors = {}

    def preload(self, answers_list):
        """Look up all entries that these answers name, with two queries."""
        for key, model in ("fsp", "g2p.spar.fsp"), ("branch", "g2p.spar.fsp.branch"):
            ids = {_entry_id(answers.get(key)) for answers in answers_list} - {0}
            new = [id_ for id_ in ids if (model, id_) not in self.entries]
            found = self.env[model].browse(new).exists()
            found.fetch(["name", "code", "active"])
            empty = self.env[model]
            self.entries |= {(model, id_): empty for id_ in new}
            self.entries |= {(model, record.id): record for record in found}

    def compose(self, answers):
        """:raise AddressError: with one sentence for each key to be answered anew"""
        chosen = (answers.get("fsp"), answers.get("branch"))
        key = tuple((bool(answer), _entry_id(answer)) for answer in chosen)
        place = self.places.get(key)
        if not place:
            place = self.places[key] = self._get_place(answers)
        self.errors = dict(place.errors)
        typed = {
            question.key: self._get_typed(question, place, answers.get(question.key))
            for question in self.typed
        }
        if self.errors:
            raise AddressError(self.errors)
        return self._write(place, typed)

    def _get_place(self, answers):
        self.errors = {}
        fsp = self._get_fsp(self.by_source.get("fsp"), answers.get("fsp"))
        branch = self._get_branch(
            self.by_source.get("branch"), fsp, answers.get("branch")
        )
        names = {
            FSP_CODE: fsp.code or "",
            FSP_NAME: fsp.name or "",
            BRANCH_CODE: branch.code or "",
            BRANCH_NAME: branch.name or "",
            FA_TYPE: self.strategy.fa_type or self.account_type.wire_fa_type,
        }
        parts = {
            "fsp_id": fsp.id or 0,
            "branch_id": branch.id or 0,
            **{name: names[name] for name in (FSP_CODE, FSP_NAME)},
            **{name: names[name] for name in (BRANCH_CODE, BRANCH_NAME)},
        }
        return Place(self.errors, fsp, fsp.country_id.code or "", names, parts)

    def _get_entry(self, model, answer):
        """The directory entry with this id, or an empty record."""
        key = (model, _entry_id(answer))
        if key not in self.entries:
            self.entries[key] = self.env[model].browse(key[1] or ()).exists()
        return self.entries[key]

    def _get_fsp(self, question, answer):
        fsp = self.env["g2p.spar.fsp"]
        if not question:
            return fsp
        if not answer:
            if question.required:
                self.errors["fsp"] = self.env._("Please choose a provider.")
            return fsp
        fsp = self._get_entry("g2p.spar.fsp", answer)
        if not fsp or not fsp.active:
            self.errors["fsp"] = self.env._("Please choose a provider from the list.")
            return fsp.browse()
        if self.account_type not in fsp.account_type_ids:
            self.errors["fsp"] = self.env._(
                "This provider does not offer this kind of account. Please choose "
                "another one."
            )
            return fsp.browse()
        return fsp

    def _get_branch(self, question, fsp, answer):
        branch = self.env["g2p.spar.fsp.branch"]
        if not question or not fsp:
            return branch
        if not answer:
            if question.required and self._has_branches(fsp):
                self.errors["branch"] = self.env._("Please choose a branch.")
            return branch
        branch = self._get_entry("g2p.spar.fsp.branch", answer)
        if not branch or not branch.active or branch.fsp_id != fsp:
            self.errors["branch"] = self.env._(
                "Please choose a branch of this provider from the list."
            )
            return branch.browse()
        return branch

    def _has_branches(self, fsp):
        if fsp not in self.branched:
            self.branched[fsp] = self.env["g2p.spar.fsp.branch"].search_count(
                [("fsp_id", "=", fsp.id), ("active", "=", True)], limit=1
            )
        return self.branched[fsp]

    def _get_typed(self, question, place, answer):
        """The normal form of a typed answer; notes an error when it has none."""
        key = question.key
        if not answer or (isinstance(answer, str) and not answer.strip()):
            if question.required:
                self.errors[key] = self.env._("Please fill this in.")
            return ""
        if not isinstance(answer, str) or grammar.has_control(answer):
            self.errors[key] = self.env._("This holds a character that is not allowed.")
        elif len(answer) > MAX_ANSWER:
            self.errors[key] = self.env._("This is too long.")
        elif any(text in answer for text in self.separators):
            self.errors[key] = question.record._get_error_text()
        else:
            try:
                return normalise(
                    answer, question.validator, question.pattern, place.country
                )
            except ValueError as err:
                self.errors[key] = self._get_reason(
                    question.record, place.fsp, str(err)
                )
        return ""

    def _get_reason(self, question, fsp, code):
        """What to tell the person about an answer its validator refused."""
        if code in ("iban_country", "phone_country"):
            return self.env._(
                "This belongs to another country than %(provider)s (%(country)s).",
                provider=fsp.name,
                country=fsp.country_id.name,
            )
        return question._get_error_text()

    def _write(self, place, typed):
        known = place.names | typed
        components = {name: known[part] for name, part in self.roles.items()}
        fa = grammar.fill(*self.template, components)
        self._check_readable(fa, components, self.number)
        number = typed[self.number_key]
        return Address(
            fa=fa,
            components=components,
            number=number,
            masked=mask_number(number, self.mask),
            last=last(number),
            **self.common,
            **place.parts,
        )

    def _check_readable(self, fa, components, question):
        """Whoever gets this address must read the same components from it.

        :raise AddressError: naming the answer that cannot be written in this format
        """
        if len(fa) > grammar.MAX_TEXT:
            raise AddressError({question.key: self.env._("This is too long.")})
        if self._reads_back(components):
            return
        # The answer is to blame with whose replacement the text becomes readable.
        name = next(
            (
                name
                for name in components
                if self._reads_back({**components, name: "1"})
            ),
            question.key,
        )
        if role(name) in (FSP_CODE, FSP_NAME):
            errors = {"fsp": self.env._("This provider cannot be used for now.")}
        elif role(name) in (BRANCH_CODE, BRANCH_NAME):
            errors = {"branch": self.env._("This branch cannot be used for now.")}
        else:
            errors = {name: question._get_error_text()}
        raise AddressError(errors)

    def _reads_back(self, components):
        text = grammar.fill(*self.template, components)
        return grammar.deconstruct(self.format.compiled, text) == components


def _entry_id(answer):
    """The id that an answer names, or 0."""
    if isinstance(answer, str) and re.fullmatch("[0-9]{1,10}", answer):
        answer = int(answer)
    return answer if type(answer) is int and 0 < answer < 2**31 else 0
