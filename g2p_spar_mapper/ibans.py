# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.addons.g2p_spar_bank_directory.address import Address
from odoo.addons.g2p_spar_bank_directory.validators import find_iban


def find_foreign(env, addresses, providers):
    """Account numbers that name another bank than these, whatever their addresses say.

    :param addresses: :class:`Address`, or what stands for one that cannot be read
    :param frozenset providers: codes of those that an actor is limited to
    :return: numbers that are IBANs, however they are written, as far as the directory
        knows who keeps them
    :rtype: set[str]
    """
    numbers = {a.number for a in addresses if isinstance(a, Address)}
    ibans = {number: iban for number in numbers if (iban := find_iban(number))}
    # sudo: the directory is read for whoever the caller let in
    fsps_sudo = env["g2p.spar.fsp"].sudo()
    keepers = fsps_sudo._keepers(set(ibans.values())) if ibans else {}
    return {
        number
        for number, iban in ibans.items()
        if iban in keepers and keepers[iban].isdisjoint(providers)
    }
