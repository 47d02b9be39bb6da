# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
{
    "name": "SPAR Connector",
    "summary": "The one door to a mapper, here or elsewhere, and durable account changes",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "OpenG2P/SPAR",
    "author": "OpenG2P",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["g2p_spar_mapper", "mail", "queue_job"],
    "external_dependencies": {"python": ["requests"]},
    "data": [
        "security/spar_groups.xml",
        "security/ir.model.access.csv",
        "data/queue_job_data.xml",
        "data/ir_cron.xml",
        "data/g2p_spar_connector.xml",
        "views/g2p_spar_connector_views.xml",
        "views/g2p_spar_change_views.xml",
        "views/spar_menus.xml",
    ],
    "installable": True,
}
