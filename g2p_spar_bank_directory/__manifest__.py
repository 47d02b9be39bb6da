# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
{
    "name": "SPAR Bank Directory",
    "summary": "Providers, branches, account types and financial address formats",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "OpenG2P/SPAR",
    "author": "OpenG2P",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["base", "mail", "phone_validation", "base_iban"],
    "external_dependencies": {
        "python": ["chardet", "lxml", "msgspec", "phonenumbers", "schwifty"]
    },
    "data": [
        "security/spar_groups.xml",
        "security/ir.model.access.csv",
        "data/g2p_spar_account_type.xml",
        "data/g2p_spar_strategy.xml",
        "wizards/g2p_spar_fsp_import_wizard_views.xml",
        "views/g2p_spar_fsp_branch_views.xml",
        "views/g2p_spar_fsp_views.xml",
        "views/g2p_spar_account_type_views.xml",
        "views/g2p_spar_strategy_views.xml",
        "views/spar_menus.xml",
    ],
    "demo": [
        "demo/res_users_demo.xml",
        "demo/g2p_spar_fsp_demo.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "g2p_spar_bank_directory/static/src/**/*",
        ],
    },
    "application": True,
}
