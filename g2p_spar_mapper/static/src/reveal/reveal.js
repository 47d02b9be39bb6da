import { Component } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/** Shows clear values once. They live in this dialog only and go with it. */
export class RevealDialog extends Component {
    static template = "g2p_spar_mapper.RevealDialog";
    static components = { Dialog };
    static props = {
        name: String,
        values: { type: Array, element: Object },
        close: Function,
    };

    get title() {
        return _t("Whole account: %s", this.props.name);
    }
}

/**
 * @param {Object} env
 * @param {Object} action with params.name and params.values
 */
function reveal(env, action) {
    env.services.dialog.add(RevealDialog, action.params, {
        // the timeline beneath has a new row
        onClose: () =>
            env.services.action.doAction({
                type: "ir.actions.client",
                tag: "soft_reload",
            }),
    });
    return { type: "ir.actions.act_window_close" };
}

registry.category("actions").add("g2p_spar_mapper.reveal", reveal);
