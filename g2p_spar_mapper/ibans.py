# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.addons.g2p_spar_bank_directory.address import Address
from odoo.addons.g2p_spar_bank_directory.validators import is_iban_like


def find_foreign(env, addresses, providers):
    """Account numbers that name another bank than these, whatever their addresses say.

    :param addresses: :class:`Address`, or what stands for one that cannot be read
    :param frozenset providers: codes of those that an actor is limited to
    :return: IBANs, as far as the directory knows who keeps them
    :rtype: set[str]
    """
    ibans = {
        address.number
        for address in addresses
        if isinstance(address, Address) and is_iban_like(address.number)
    }
    # sudo: the directory is read for whoever the caller let in
    keepers = env["g2p.spar.fsp"].sudo()._keepers(ibans) if ibans else {}
    return {iban for iban, codes in keepers.items() if codes.isdisjoint(providers)}
