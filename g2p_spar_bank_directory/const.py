# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Names that address formats use for what the directory knows."""

FSP_CODE, FSP_NAME = "fsp_code", "fsp_name"
BRANCH_CODE, BRANCH_NAME = "branch_code", "branch_name"
FA_TYPE = "fa_type"

#: name in a template -> what it stands for. The names on the left are those of the
#: formats that OpenG2P's mapper, self service and payment bridge write and read.
DIRECTORY_NAMES = {
    "fsp_code": FSP_CODE,
    "bank_code": FSP_CODE,
    "wallet_provider_code": FSP_CODE,
    "mobile_wallet_provider": FSP_CODE,
    "email_wallet_provider": FSP_CODE,
    "fsp_name": FSP_NAME,
    "bank_name": FSP_NAME,
    "wallet_provider_name": FSP_NAME,
    "branch_code": BRANCH_CODE,
    "branch_name": BRANCH_NAME,
    "fa_type": FA_TYPE,
}


def role(name):
    """What the component ``name`` stands for; a typed answer stands for itself."""
    return DIRECTORY_NAMES.get(name, name)
