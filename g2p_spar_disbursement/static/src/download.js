import { download } from "@web/core/network/download";
import { registry } from "@web/core/registry";

/**
 * Fetch a file with a POST that carries the session's token, then show the record as the
 * download left it.
 *
 * @param {Object} env
 * @param {Object} action with params.url
 */
async function downloadFile(env, action) {
    env.services.ui.block();
    try {
        await download({ url: action.params.url, data: {} });
    } finally {
        env.services.ui.unblock();
    }
    return { type: "ir.actions.client", tag: "soft_reload" };
}

registry.category("actions").add("g2p_spar_disbursement.download", downloadFile);
