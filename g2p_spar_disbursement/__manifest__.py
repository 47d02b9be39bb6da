# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
{
    "name": "SPAR Disbursement",
    "summary": "Programmes learn who is payable, where, and why not",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "OpenG2P/SPAR",
    "author": "OpenG2P",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["g2p_spar_connector"],
    "data": [
        "security/spar_groups.xml",
        "security/ir.model.access.csv",
        "security/spar_rules.xml",
        "data/ir_sequence.xml",
        "data/queue_job.xml",
        "wizards/disbursement_import_views.xml",
        "views/g2p_spar_disbursement_line_views.xml",
        "views/g2p_spar_disbursement_views.xml",
        "views/spar_menus.xml",
    ],
    "demo": [
        "demo/res_users_demo.xml",
        "demo/g2p_spar_disbursement_demo.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "g2p_spar_disbursement/static/src/**/*",
        ],
    },
    "uninstall_hook": "uninstall_hook",
}
