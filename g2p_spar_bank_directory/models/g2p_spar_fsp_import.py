# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Fills the directory from the bank registry of the ``schwifty`` package."""

from collections import Counter
from typing import NamedTuple

from odoo import api, models

from .. import schwifty_source
from ..exceptions import SparRejectedError

QUIET = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "active_test": False,
}


class ImportReport(NamedTuple):
    """What one import did; the counters have the keys new, updated and unchanged."""

    country: str
    providers: Counter
    branches: Counter
    skipped: Counter  #: reason -> number of entries


class SparFsp(models.Model):
    _inherit = "g2p.spar.fsp"

    @api.model
    def _import_schwifty(self, country_code):
        """Import the banks of one country; doing it again brings them up to date.

        Entries are found again by national code. Their name and BIC follow the
        registry; account types, the archived state and codes on the wire stay as they
        are, and nothing is ever deleted. From the shell of the server::

            env["g2p.spar.fsp"]._import_schwifty("DE"); env.cr.commit()

        :param str country_code: two letters, for example ``DE``
        :return: :class:`ImportReport`
        :raise SparRejectedError: when the registry does not know the country
        :raise AccessError: when the user may not edit the directory
        """
        code = (country_code or "").strip().upper()
        country = self.env["res.country"].search([("code", "=", code)], limit=1)
        if not country or code not in schwifty_source.get_countries():
            raise SparRejectedError(
                self.env._("The bank registry has no country “%s”.", country_code)
            )
        self.check_access("create")
        self.check_access("write")
        sources, skipped = schwifty_source.read_country(code)
        self = self.with_context(**QUIET)
        known = self._get_known_codes(country)
        fsps, providers = self._import_providers(country, sources, known)
        branches = self.env["g2p.spar.fsp.branch"]._import_offices(
            zip(fsps, sources, strict=True)
        )
        return ImportReport(code, providers, branches, skipped)

    def _get_known_codes(self, country):
        """National code -> provider of this country that has it."""
        fsps = self.search_fetch(
            [("country_id", "=", country.id)], ["code", "national_code", "name", "bic"]
        )
        branches = self.env["g2p.spar.fsp.branch"].search_fetch(
            [("fsp_id", "in", fsps.ids)], ["fsp_id", "code"]
        )
        known = {branch.code: branch.fsp_id for branch in branches}
        for fsp in fsps:
            known[fsp.code.removeprefix(country.code)] = fsp
            if fsp.national_code:
                known[fsp.national_code] = fsp
        return known

    def _import_providers(self, country, sources, known):
        """Make or update one provider for each source.

        :return: ``(providers in the order of sources, Counter)``
        """
        bank = self.env.ref("g2p_spar_bank_directory.account_type_bank")
        found, counts, vals_list = [], Counter(), []
        for source in sources:
            vals = {
                "name": source.name,
                "bic": source.bic or False,
                "national_code": source.codes[0] if not source.offices else False,
            }
            fsp = next((known[code] for code in source.codes if code in known), None)
            if fsp:
                counts[_write_changed(fsp, vals)] += 1
            else:
                counts["new"] += 1
                vals_list.append(
                    {
                        **vals,
                        "code": country.code + source.codes[0],
                        "country_id": country.id,
                        "account_type_ids": bank.ids,
                    }
                )
            found.append(fsp)
        created = iter(self.create(vals_list))
        return [fsp or next(created) for fsp in found], counts


class SparFspBranch(models.Model):
    _inherit = "g2p.spar.fsp.branch"

    @api.model
    def _import_offices(self, pairs):
        """Make or update the branches of ``(provider, source)`` pairs.

        :return: Counter
        """
        pairs = [(fsp, source) for fsp, source in pairs if source.offices]
        self = self.with_context(**QUIET)
        fsp_ids = [fsp.id for fsp, _source in pairs]
        known = {
            (branch.fsp_id.id, branch.code): branch
            for branch in self.search_fetch(
                [("fsp_id", "in", fsp_ids)], ["fsp_id", "code", "name", "city", "bic"]
            )
        }
        counts, vals_list = Counter(), []
        for fsp, source in pairs:
            for office in source.offices:
                name = office.office_name or office.code
                city = name.removeprefix(source.name).strip(" ,")
                vals = {
                    "name": name,
                    "bic": office.bic or False,
                    "city": city if name.startswith(source.name) and city else False,
                }
                if branch := known.get((fsp.id, office.code)):
                    counts[_write_changed(branch, vals)] += 1
                else:
                    counts["new"] += 1
                    vals_list.append({**vals, "fsp_id": fsp.id, "code": office.code})
        self.create(vals_list)
        return counts


def _write_changed(record, vals):
    """Write what differs; :return: ``updated`` or ``unchanged``"""
    changed = {name: value for name, value in vals.items() if record[name] != value}
    if not changed:
        return "unchanged"
    record.write(changed)
    return "updated"
