# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Guesses what the columns of an uploaded table hold (pure functions).

By header first: English, French and the names that OpenG2P's files and API use. A
column whose header says nothing is judged by its cells.
"""

import re

from odoo.addons.g2p_spar_bank_directory.table_reader import header_name

#: target -> headers, after ``header_name``
HEADERS = {
    "id": {
        *("id", "id value", "identifier", "beneficiary", "beneficiary id", "payee id"),
        *("person id", "wire id", "token", "unique id", "uid", "identifiant"),
        *("identifiant beneficiaire", "identifiant bénéficiaire", "registrant id"),
        *("national id", "nationalid", "nin", "numero national", "numéro national"),
    },
    "id_type": {"id type", "idtype", "type of id", "type identifiant", "type d'id"},
    "fa": {
        *("fa", "fa value", "financial address", "store of value", "account address"),
        *("adresse financiere", "adresse financière", "sov"),
    },
    "account_type": {
        *("account type", "fa type", "type of account", "kind of account", "kind"),
        *("type de compte", "level 1"),
    },
    "provider": {
        *("provider", "provider code", "provider name", "bank", "bank code", "bic"),
        *("bank name", "fsp", "fsp code", "fsp name", "dfsp", "dfsp code", "swift"),
        *("wallet provider", "wallet provider code", "wallet provider name"),
        *("mobile wallet provider", "email wallet provider", "banque", "code banque"),
        *("nom de la banque", "prestataire", "operateur", "opérateur", "wallet"),
    },
    "branch": {
        *("branch", "branch code", "branch name", "sort code", "ifsc", "agence"),
        *("code agence", "code guichet", "guichet", "nom agence", "subcode"),
    },
    "number": {
        *("account", "account number", "account no", "account no.", "acc no", "iban"),
        *("bank account", "bank account number", "mobile number", "wallet number"),
        *("msisdn", "email address", "wallet email", "numero de compte", "compte"),
        *("numéro de compte", "numero compte", "rib", "payment number"),
    },
    "name": {
        *("name", "full name", "holder", "holder name", "account holder", "nom"),
        *("account name", "beneficiary name", "account holder name", "nom complet"),
        *("titulaire", "nom du titulaire", "nom et prenom", "nom et prénom"),
    },
    "phone": {
        *("phone", "phone number", "telephone", "téléphone", "tel", "contact number"),
        *("contact", "mobile", "cell phone", "numero de telephone"),
        *("numéro de téléphone",),
    },
    "reference": {
        *("reference", "ref", "reference id", "référence", "reference number", "ern"),
    },
}
KNOWN = frozenset().union(*HEADERS.values())
SURE = 0.7  #: share of the cells that have to look alike

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{11,36}")
_DIGITS = re.compile(r"[0-9]{5}|[0-9][0-9 -]{7}")
_PHONE = re.compile(r"\+[0-9][0-9 ().-]{6,18}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_ADDRESS = re.compile(r"\w+:[^:]+(\.\w+:|@).*")


def by_header(header):
    """The target that a header names, or None."""
    name = header_name(header)
    return next((target for target, names in HEADERS.items() if name in names), None)


def by_content(cells, is_wire_id):
    """The target that the cells of a column look like, or None.

    :param list[str] cells: some cells of the column, none of them empty
    :param is_wire_id: function that says whether a text is an ID with prefix or suffix
    """
    tests = {
        "id": is_wire_id,
        "fa": _ADDRESS.fullmatch,
        "number": lambda cell: (
            _IBAN.fullmatch(cell) or _PHONE.fullmatch(cell) or _EMAIL.fullmatch(cell)
        ),
    }
    for target, test in tests.items():
        if cells and sum(bool(test(cell)) for cell in cells) >= SURE * len(cells):
            return target
    return None


def may_be_data(cell, is_wire_id):
    """Whether a text may be an ID or an account, and is more than words."""
    return bool(
        _DIGITS.search(cell)
        or _ADDRESS.fullmatch(cell)
        or _EMAIL.fullmatch(cell)
        or is_wire_id(cell)
    )


def is_data(cells, is_wire_id):
    """Whether a first row holds data and no headers."""
    if any(by_header(cell) for cell in cells):
        return False
    return any(may_be_data(cell, is_wire_id) for cell in cells)


def guess(headers, columns, is_wire_id):
    """What each column holds; no target is guessed twice.

    :param list[str] headers: empty texts for a table without headers
    :param list[list[str]] columns: for each column some cells, none of them empty
    :param is_wire_id: as for :func:`by_content`
    :return: a target or None for each column
    """
    targets = [by_header(header) for header in headers]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            targets[number] = None
    for number, cells in enumerate(columns):
        if targets[number] is None:
            found = by_content(cells, is_wire_id)
            if found not in targets:
                targets[number] = found
    return targets
