# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
{
    "name": "SPAR Self-service",
    "summary": "Beneficiaries see and change where their money is sent",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "OpenG2P/SPAR",
    "author": "OpenG2P",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["g2p_spar_connector", "portal"],
    "data": [
        "security/ir.model.access.csv",
        "security/spar_rules.xml",
        "views/portal_layout.xml",
        "views/portal_home.xml",
        "views/portal_change.xml",
        "views/portal_contact.xml",
        "views/portal_receipt.xml",
        "wizards/g2p_spar_beneficiary_login_views.xml",
        "views/res_users_views.xml",
    ],
    "demo": ["demo/res_users.xml"],
    "assets": {
        "web.assets_frontend": [
            "g2p_spar_self_service/static/src/scss/*.scss",
            "g2p_spar_self_service/static/src/interactions/*.js",
        ],
        "web.assets_tests": ["g2p_spar_self_service/static/tests/tours/*.js"],
    },
    "installable": True,
}
