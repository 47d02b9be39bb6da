# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Fills the directory from the bank registry of the ``schwifty`` package."""

from collections import Counter
from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain

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

        Providers are found again by their code on the wire, the country and a national
        code, else by national code, else by the codes of their branches where these are
        national ones. Their name and BIC follow the
        registry; account types, the archived state and codes on the wire stay as they
        are, and nothing is ever deleted. From the shell of the server::

            env["g2p.spar.fsp"]._import_schwifty("DE"); env.cr.commit()

        :param str country_code: two letters, for example ``DE``
        :return: :class:`ImportReport`
        :raise SparRejectedError: when the registry does not know the country, or a
            provider of another country has the code of one of its banks
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
        known = self._match_sources(country, sources)
        fsps, providers = self._import_providers(country, sources, known)
        branches = self.env["g2p.spar.fsp.branch"]._import_offices(
            zip(fsps, sources, strict=True)
        )
        return ImportReport(code, providers, branches, skipped)

    def _match_sources(self, country, sources):
        """The provider that each source is about, each at most once.

        :return: a provider or an empty record for each source, in order
        :raise SparRejectedError: another country's provider has the code of one
        """
        prefix = country.code
        fsps = self._get_candidates(country, sources)
        ways = [
            {fsp.code: fsp for fsp in fsps},
            {prefix + fsp.national_code: fsp for fsp in fsps if fsp.national_code},
        ]
        # Elsewhere a code is a bank, and the numbers of branches are the bank's own.
        if prefix in schwifty_source.OFFICES:
            offices = self.env["g2p.spar.fsp.branch"].search_fetch(
                [("fsp_id", "in", fsps.ids)], ["fsp_id", "code"]
            )
            ways.append({prefix + office.code: office.fsp_id for office in offices})
        found, free = [self.browse() for _source in sources], set(fsps)
        for known in ways:
            for place, source in enumerate(sources):
                fits = [known.get(prefix + code) for code in source.codes]
                fits = [fsp for fsp in fits if fsp in free]
                if fits and not found[place]:
                    found[place] = fits[0]
                    free.remove(fits[0])
        return found

    def _get_candidates(self, country, sources):
        """Providers of this country, and those that have the code of a source."""
        codes = [country.code + code for source in sources for code in source.codes]
        fsps = self.search_fetch(
            Domain("country_id", "=", country.id) | Domain("code", "in", codes),
            ["code", "national_code", "name", "bic", "country_id"],
        )
        if foreign := fsps.filtered(lambda fsp: fsp.country_id - country):
            raise SparRejectedError(
                self.env._(
                    "“%(name)s” has the code %(code)s, which stands for a bank of "
                    "%(country)s. Please correct its country or its code first.",
                    name=foreign[0].name,
                    code=foreign[0].code,
                    country=country.name,
                )
            )
        return fsps

    def _import_providers(self, country, sources, known):
        """Make or update one provider for each source.

        :param known: for each source the provider it is about, or an empty record
        :return: ``(providers in the order of sources, Counter)``
        """
        bank = self.env.ref("g2p_spar_bank_directory.account_type_bank")
        counts, vals_list = Counter(), []
        for fsp, source in zip(known, sources, strict=True):
            vals = {
                "name": source.name,
                "bic": source.bic or False,
                "national_code": source.codes[0] if not source.offices else False,
            }
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
        created = iter(self.create(vals_list))
        return [fsp or next(created) for fsp in known], counts


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
