# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Financial addresses as a client can read them: rewritten when it looks them up.

What is stored never changes. An address that cannot be written in the other form, or
would not be read back from it as the same account, goes out as it is stored.
"""

import re
from typing import NamedTuple

from odoo.addons.g2p_spar_bank_directory import grammar
from odoo.addons.g2p_spar_bank_directory.address import Address
from odoo.addons.g2p_spar_bank_directory.const import (
    BRANCH_CODE,
    BRANCH_NAME,
    FA_TYPE,
    FSP_CODE,
    FSP_NAME,
    role,
)

from . import outcomes

_STRATEGY = "strategy_id"
#: what an address may be without, when that is known
_OPTIONAL = (BRANCH_CODE, BRANCH_NAME)


class Rendering(NamedTuple):
    """One form of address, ready to be written; kept in memory by each worker."""

    number: int  #: of the strategy, which travels on the wire
    literals: list[str]
    names: list[str]
    compiled: re.Pattern  #: takes the text apart
    fa_type: str

    def rewrite(self, outcome, address):
        """A found mapping with its address in this form, or as it was.

        :param Outcome outcome: of a resolve; with an address
        :param Address address: the same address, taken apart
        :rtype: Outcome
        """
        known = {role(name): text for name, text in address.components.items()}
        known[FA_TYPE] = self.fa_type
        for name, text in (
            (FSP_CODE, outcome.fsp_code),
            (FSP_NAME, outcome.fsp_name),
            (BRANCH_CODE, outcome.branch_code),
            (BRANCH_NAME, outcome.branch_name),
        ):
            if text:
                known[name] = text
        components = {name: known.get(role(name)) for name in self.names}
        for name, text in components.items():
            if text is None or (not text and role(name) not in _OPTIONAL):
                return outcome
        fa = grammar.fill(self.literals, self.names, components)
        if (
            len(fa) > grammar.MAX_TEXT
            or grammar.deconstruct(self.compiled, fa) != components
        ):
            return outcome
        return outcome._replace(
            fa=fa,
            strategy=self.number,
            additional_info=_renumber(outcome.additional_info, self.number),
        )


def render(env, found, renderings):
    """Rewrite the addresses of those outcomes that have one.

    :param list[Outcome] found: of a resolve
    :param dict renderings: code of the account type -> :class:`Rendering`
    :rtype: list[Outcome]
    """
    rendered = [*found]
    wanted = [
        place
        for place, outcome in enumerate(found)
        if outcome.code == outcomes.OK
        and outcome.fa
        and outcome.account_type in renderings
    ]
    # sudo: parsing reads the directory for whoever the caller let in
    account_types = env["g2p.spar.account.type"].sudo()
    addresses = account_types._parse_addresses(
        [found[place].fa for place in wanted], strict=False
    )
    for place, address in zip(wanted, addresses, strict=True):
        outcome = found[place]
        # Formats and rules may have changed since it was linked: what they make of it
        # now must be what it was then.
        if (
            isinstance(address, Address)
            and address.account_type == outcome.account_type
            and address.number == outcome.number
        ):
            rendering = renderings[outcome.account_type]
            rendered[place] = rendering.rewrite(outcome, address)
    return rendered


def _renumber(additional_info, number):
    """Readers take an address apart by the strategy that stands beside it."""
    renumbered = []
    for entry in additional_info:
        entry = dict(entry)
        if _STRATEGY in entry:
            entry[_STRATEGY] = number
        if entry.get("name") == _STRATEGY:
            entry["value"] = str(number)
        renumbered.append(entry)
    return renumbered
