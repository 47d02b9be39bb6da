# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.addons.g2p_spar_bank_directory.address import Address
from odoo.addons.g2p_spar_bank_directory.validators import is_iban_like


def find_foreign(env, addresses, limits):
    """Account numbers that name another bank than those an actor is limited to,
    whatever their addresses say.

    :param addresses: :class:`Address`, or what stands for one that cannot be read
    :param Limits limits: of the actor
    :return: IBANs, as far as the directory knows who keeps them
    :rtype: set[str]
    """
    providers = limits.providers
    if providers is None:
        return set()
    ibans = {
        address.number
        for address in addresses
        if isinstance(address, Address) and is_iban_like(address.number)
    }
    # sudo: the directory is read for whoever the caller let in
    keepers = env["g2p.spar.fsp"].sudo()._keepers(ibans) if ibans else {}
    return {iban for iban, codes in keepers.items() if codes.isdisjoint(providers)}
