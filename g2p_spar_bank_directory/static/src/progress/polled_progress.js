import { Component, onWillStart, onWillUnmount, status, useEffect, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { ConnectionLostError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** Milliseconds between two questions while work is going on. */
export const POLL_INTERVAL = 1000;

/**
 * The head of a form whose record is worked on by jobs. It asks the server for the figures
 * (method `get_progress`) as long as they change, and loads the form anew when the record
 * has gone on to another state.
 */
export class PolledProgress extends Component {
    static props = { ...standardWidgetProps };
    /** Fields of the form: when one of them has another value, figures are asked for. */
    static watched = ["state"];
    /** Fields of the form, also among the figures: when they differ, the form is old. */
    static decisive = ["state"];

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
                return [resId, ...this.constructor.watched.map((name) => data[name])];
            }
        );
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    /** Ask for the figures, and again later as long as they may change. */
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
            this.constructor.decisive.some(isOld) &&
            !(await record.isDirty())
        ) {
            await record.model.load();
            return;
        }
        const interval = values ? this.interval : POLL_INTERVAL;
        if (interval) {
            this.timer = browser.setTimeout(() => this.refresh(), interval);
        }
    }

    /** Milliseconds until the figures are asked for again; 0: they will not change. */
    get interval() {
        return this.isWorking ? POLL_INTERVAL : 0;
    }

    /** Whether jobs are at work. */
    get isWorking() {
        return false;
    }

    /**
     * Open what a method of the record gives.
     *
     * @param {string} method
     * @param {...(string|undefined)} parameters of the method; empty ones are false
     */
    async openAction(method, ...parameters) {
        const { record } = this.props;
        const action = await this.orm.call(record.resModel, method, [
            [record.resId],
            ...parameters.map((parameter) => parameter || false),
        ]);
        await this.action.doAction(action);
    }
}
