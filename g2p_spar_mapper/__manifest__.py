# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
{
    "name": "SPAR Mapper",
    "summary": "Registry of IDs and the accounts that are paid, with a full history",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "OpenG2P/SPAR",
    "author": "OpenG2P",
    "website": "https://openg2p.org",
    "license": "LGPL-3",
    "depends": ["g2p_spar_bank_directory", "queue_job"],
    "external_dependencies": {
        "python": ["cryptography", "granian", "msgspec", "PyJWT"]
    },
    "data": [
        "security/spar_groups.xml",
        "security/ir.model.access.csv",
        "security/spar_rules.xml",
        "data/queue_job_channel.xml",
        "data/g2p_spar_id_type.xml",
        "data/g2p_spar_import.xml",
        "data/queue_job.xml",
        "data/ir_cron.xml",
        "views/g2p_spar_mapping_event_views.xml",
        "views/g2p_spar_read_views.xml",
        "views/g2p_spar_mapping_views.xml",
        "views/g2p_spar_id_type_views.xml",
        "views/g2p_spar_client_views.xml",
        "views/g2p_spar_signing_key_views.xml",
        "views/g2p_spar_transaction_views.xml",
        "views/g2p_spar_import_profile_views.xml",
        "views/g2p_spar_import_row_views.xml",
        "views/g2p_spar_import_views.xml",
        "views/api_docs.xml",
        "views/spar_menus.xml",
    ],
    "demo": [
        "demo/res_users_demo.xml",
        "demo/g2p_spar_client.xml",
        "demo/g2p_spar_mapping_demo.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "g2p_spar_mapper/static/src/**/*",
        ],
    },
    "post_load": "post_load",
    "uninstall_hook": "uninstall_hook",
}
