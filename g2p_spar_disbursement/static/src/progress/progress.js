import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { PolledProgress } from "@g2p_spar_bank_directory/progress/polled_progress";

/**
 * The head of a disbursement: how many payments are payable, how far the work is, and
 * why the others are not payable.
 */
export class DisbursementProgress extends PolledProgress {
    static template = "g2p_spar_disbursement.Progress";
    static watched = ["state", "line_count", "payable_count", "not_payable_count"];

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
    openLines(state, reason) {
        return this.openAction("action_open_lines", state, reason);
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
