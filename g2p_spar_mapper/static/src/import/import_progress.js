import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatInteger } from "@web/views/fields/formatters";
import { PolledProgress } from "@g2p_spar_bank_directory/progress/polled_progress";

const WORKING = ["checking", "running", "undoing"];
/** Another person has to decide: milliseconds between two questions, and when. */
const SLOW_INTERVAL = 5000;
const WAITING = ["to_approve", "undo_asked"];
const DECISIVE = ["state", "halt", "run"];

/**
 * The head of an import: what the check found, how far the work is, and what an approver
 * has to know.
 */
export class ImportProgress extends PolledProgress {
    static template = "g2p_spar_mapper.ImportProgress";
    static watched = DECISIVE;
    static decisive = DECISIVE;

    get interval() {
        return WAITING.includes(this.state.values.state)
            ? SLOW_INTERVAL
            : super.interval;
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

    /** What to think about before the import is approved. */
    get warnings() {
        const values = this.state.values;
        const warnings = [];
        if (!["checked", "to_approve"].includes(values.state)) {
            return warnings;
        }
        if (values.changed_count) {
            warnings.push(
                _t("%(share)s of the rows change an account that people have now.", {
                    share: `${values.changed_share} %`,
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
    openRows(plan) {
        return this.openAction("action_open_rows", plan);
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
