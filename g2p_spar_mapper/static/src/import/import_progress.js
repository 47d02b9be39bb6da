import { Component, onWillStart, onWillUnmount, status, useEffect, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** Milliseconds between two questions while work is going on. */
const POLL_INTERVAL = 1000;
const WORKING = ["checking", "running", "undoing"];
/** The same while another person has to decide. */
const SLOW_INTERVAL = 5000;
const WAITING = ["to_approve", "undo_asked"];

/**
 * The head of an import: what the check found, how far the work is, and what an approver
 * has to know. It asks the server again while work is going on or another
 * person has to decide.
 */
export class ImportProgress extends Component {
    static template = "g2p_spar_mapper.ImportProgress";
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
                return [resId, data.state, data.halt, data.run];
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
        const isOld = (name) => values[name] !== record.data[name];
        if (
            values &&
            ["state", "halt", "run"].some(isOld) &&
            !(await record.isDirty())
        ) {
            await record.model.load();
        } else if (!values || this.isWorking || WAITING.includes(values.state)) {
            const isFast = !values || this.isWorking;
            this.timer = browser.setTimeout(
                () => this.refresh(),
                isFast ? POLL_INTERVAL : SLOW_INTERVAL
            );
        }
    }

    get isWorking() {
        const { values } = this.state;
        return WORKING.includes(values.state) && !values.halt;
    }

    get hasBar() {
        return [...WORKING, "done", "undo_asked", "undone"].includes(
            this.state.values.state
        );
    }

    /** The verdicts of the check as cards. */
    get cards() {
        const values = this.state.values;
        return [
            ["", _t("Rows"), values.row_count, "text-body"],
            ["new", _t("New"), values.new_count, "text-success"],
            ["changed", _t("Changed"), values.changed_count, "text-warning-emphasis"],
            ["same", _t("Identical"), values.same_count, "text-muted"],
            ["rejected", _t("Rejected"), values.rejected_count, "text-danger"],
        ].map(([key, label, count, color]) => ({
            key: key || "all",
            plan: key,
            label,
            count: formatInteger(count),
            color: count ? color : "text-muted",
        }));
    }

    /** What the run and the undo have done. */
    get results() {
        const values = this.state.values;
        return [
            [_t("Applied"), values.done_count],
            [_t("Not applied"), values.refused_count],
            [_t("Put back"), values.undone_count],
            [_t("Changed meanwhile, kept"), values.kept_count],
        ]
            .filter(([, count]) => count)
            .map(([label, count]) => ({ label, count: formatInteger(count) }));
    }

    get warnings() {
        const values = this.state.values;
        const warnings = [];
        if (values.changed_count) {
            warnings.push(
                _t("%(share)s %% of the rows change an account that people have now.", {
                    share: values.changed_share,
                })
            );
        }
        if (values.shared_count) {
            warnings.push(
                _t(
                    "Accounts that several IDs share: %(count)s. Most IDs of one account: %(most)s.",
                    {
                        count: formatInteger(values.shared_count),
                        most: formatInteger(values.shared_most),
                    }
                )
            );
        }
        return warnings;
    }

    get hasErrors() {
        const { rejected_count, refused_count, kept_count, state } = this.state.values;
        return state !== "checking" && rejected_count + refused_count + kept_count > 0;
    }

    get timeLeft() {
        const seconds = this.state.values.seconds_left;
        if (!seconds) {
            return "";
        }
        return seconds < 90
            ? _t("about %s seconds left", seconds)
            : _t("about %s minutes left", Math.round(seconds / 60));
    }

    /**
     * Open the rows with one verdict.
     *
     * @param {string} plan empty for all
     */
    async openRows(plan) {
        const { record } = this.props;
        const action = await this.orm.call(record.resModel, "action_open_rows", [
            [record.resId],
            plan || false,
        ]);
        await this.action.doAction(action);
    }
}

registry.category("view_widgets").add("spar_import_progress", {
    component: ImportProgress,
    fieldDependencies: [
        { name: "state", type: "selection" },
        { name: "halt", type: "selection" },
        { name: "run", type: "integer" },
    ],
});
