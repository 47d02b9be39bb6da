import { Component, onWillUnmount, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** Bytes of one part; the server takes at most 4 MB. */
const PART = 2 * 1024 * 1024;

/**
 * Takes the file of an import. It goes to the server in parts, so that a large file
 * needs neither much memory nor a long request, and a short loss of the network costs
 * one part.
 */
export class ImportFile extends Component {
    static template = "g2p_spar_mapper.ImportFile";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.input = useRef("input");
        this.state = useState({ percent: null, isOver: false });
        onWillUnmount(() => (this.isGone = true));
    }

    get data() {
        return this.props.record.data;
    }

    get size() {
        return Math.max(0.1, Math.round(this.data.file_size / 104857.6) / 10);
    }

    onDrop(ev) {
        this.state.isOver = false;
        this.upload(ev.dataTransfer.files[0]);
    }

    onChange(ev) {
        this.upload(ev.target.files[0]);
        ev.target.value = "";
    }

    /**
     * Save the record, send the file, and show what was found in it.
     *
     * @param {File} file
     */
    async upload(file) {
        const { record } = this.props;
        if (!file || this.state.percent !== null || !(await record.save())) {
            return;
        }
        this.state.percent = 0;
        try {
            for (let number = 0, start = 0; start < file.size || !number; number++) {
                await this.send(record.resId, number, file.slice(start, start + PART));
                start += PART;
                this.state.percent = Math.min(
                    100,
                    Math.round((start * 100) / Math.max(file.size, 1))
                );
                if (this.isGone) {
                    return;
                }
            }
            await this.orm.call(record.resModel, "finish_upload", [
                [record.resId],
                file.name,
                file.size,
            ]);
            await record.load();
        } catch (error) {
            if (!(error instanceof UploadError)) {
                throw error;
            }
            this.notification.add(error.message, { type: "danger" });
        } finally {
            this.state.percent = null;
        }
    }

    async send(id, number, content) {
        let response;
        for (let attempt = 0; !response; attempt++) {
            try {
                response = await fetch(`/spar/import/${id}/part/${number}`, {
                    method: "POST",
                    headers: {
                        "Content-Type": "application/octet-stream",
                        "X-CSRF-Token": odoo.csrf_token,
                    },
                    body: content,
                });
            } catch {
                if (attempt === 4) {
                    throw new UploadError(_t("The connection was lost. Try again."));
                }
                await new Promise((resolve) => setTimeout(resolve, 1000 << attempt));
            }
        }
        if (!response.ok) {
            const text = response.status === 409 ? await response.text() : "";
            throw new UploadError(text || _t("The file could not be uploaded."));
        }
    }
}

class UploadError extends Error {}

registry.category("view_widgets").add("spar_import_file", {
    component: ImportFile,
    fieldDependencies: [
        { name: "file_name", type: "char" },
        { name: "file_size", type: "integer" },
    ],
});
