import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

const FIRST_WAIT = 1500;
const LONGEST_WAIT = 30000;

/** Keeps the receipt up to date until the request is settled, ever less often. */
export class Receipt extends Interaction {
    static selector = ".o_spar_receipt";
    dynamicContent = {
        ".o_spar_print": {
            "t-att-hidden": () => false,
            "t-on-click": () => window.print(),
        },
    };

    setup() {
        this.stateEl = this.el.querySelector(".o_spar_receipt_state");
        this.wait = FIRST_WAIT;
    }

    start() {
        if (this.el.dataset.stateUrl) {
            this.waitForTimeout(this.refresh, this.wait);
        }
    }

    async refresh() {
        let settled = false;
        try {
            const response = await this.waitFor(fetch(this.el.dataset.stateUrl));
            settled = !response.ok || response.redirected; // logged out: stay as it is
            if (!settled) {
                const news = await this.waitFor(response.json());
                if (news.state !== this.el.dataset.state) {
                    this.protectSyncAfterAsync(() => {
                        this.el.dataset.state = news.state;
                        this.stateEl.innerHTML = news.html;
                    })();
                }
                settled = !news.is_open;
            }
        } catch {
            // No network at the moment: the receipt stands, ask again later.
        }
        if (!settled) {
            this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT);
            this.waitForTimeout(this.refresh, this.wait);
        }
    }
}

registry.category("public.interactions").add("g2p_spar_self_service.receipt", Receipt);
