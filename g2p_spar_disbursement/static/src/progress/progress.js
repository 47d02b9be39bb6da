import { Component, onWillStart, onWillUnmount, status, useEffect, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** Milliseconds between two questions while lines are being resolved. */
const POLL_INTERVAL = 1000;

/**
 * The head of a disbursement: how many payments are payable, how far the work is, and
 * why the others are not payable. It asks the server again while work is going on and
 * reloads the form when it is done.
 */
export class DisbursementProgress extends Component {
    static template = "g2p_spar_disbursement.Progress";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ values: null });
        onWillStart(() => this.refresh());
        let isFirst = true;
        useEffect(
            () => {
                if (!isFirst) {
                    this.refresh();
                }
                isFirst = false;
            },
            () => {
                const { resId, data } = this.props.record;
                return [resId, data.state, data.line_count, data.payable_count];
            }
        );
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    /** Ask for the figures, and again later as long as work is going on. */
    async refresh() {
        browser.clearTimeout(this.timer);
        const { record } = this.props;
        if (!record.resId) {
            return;
        }
        let values;
        try {
            values = await this.orm.silent.call(record.resModel, "get_progress", [
                record.resId,
            ]);
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
        }
        if (status(this) === "destroyed" || record !== this.props.record) {
            return;
        }
        if (values) {
            this.state.values = values;
        }
        if (!values || values.state === "resolving") {
            this.timer = browser.setTimeout(() => this.refresh(), POLL_INTERVAL);
        } else if (values.state !== record.data.state && !(await record.isDirty())) {
            await record.model.load();
        }
    }

    /** The figures as cards, in reading order. */
    get cards() {
        const values = this.state.values;
        const money = (value) => formatMonetary(value, { currencyId: values.currency_id });
        return [
            {
                key: "all",
                label: _t("Payments"),
                count: formatInteger(values.line_count),
                amount: money(values.total_amount),
                color: "text-body",
                domain: "",
            },
            {
                key: "payable",
                label: _t("Payable"),
                count: formatInteger(values.payable_count),
                amount: money(values.payable_amount),
                color: values.payable_count ? "text-success" : "text-body",
                domain: "payable",
            },
            {
                key: "not_payable",
                label: _t("Not payable"),
                count: formatInteger(values.not_payable_count),
                amount: money(values.not_payable_amount),
                color: values.not_payable_count ? "text-danger" : "text-body",
                domain: "not_payable",
            },
            {
                key: "pending",
                label: _t("Pending"),
                count: formatInteger(values.pending_count),
                amount: money(
                    values.total_amount - values.payable_amount - values.not_payable_amount
                ),
                color: "text-muted",
                domain: "pending",
            },
        ];
    }

    /**
     * Width of one part of the bar.
     *
     * @param {number} count payments in this part
     * @returns {string} CSS width
     */
    width(count) {
        const total = this.state.values.line_count;
        return `width: ${total ? (count / total) * 100 : 0}%`;
    }

    get isWorking() {
        return this.state.values.state === "resolving";
    }

    formatCount(count) {
        return formatInteger(count);
    }

    formatAmount(amount) {
        return formatMonetary(amount, { currencyId: this.state.values.currency_id });
    }

    /**
     * Open the payments of one card or one reason.
     *
     * @param {string} state of the payments, empty for all
     * @param {string} [reason]
     */
    async openLines(state, reason) {
        const { record } = this.props;
        const action = await this.orm.call(record.resModel, "action_open_lines", [
            [record.resId],
            state || false,
            reason || false,
        ]);
        await this.action.doAction(action);
    }
}

registry.category("view_widgets").add("spar_disbursement_progress", {
    component: DisbursementProgress,
    fieldDependencies: [
        { name: "state", type: "selection" },
        { name: "line_count", type: "integer" },
        { name: "payable_count", type: "integer" },
    ],
});
