import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** Shows the shortened account on the card of /my once the registry has answered. */
export class PaymentAccountCard extends Interaction {
    static selector = ".o_spar_home_card";

    start() {
        this.load();
    }

    async load() {
        try {
            const response = await this.waitFor(fetch(this.el.dataset.stateUrl));
            if (response.ok && !response.redirected) {
                const { line } = await this.waitFor(response.json());
                this.el.querySelector(".o_spar_home_card_state").textContent = line;
            }
        } catch {
            // The card keeps its general words.
        }
    }
}

registry.category("public.interactions").add("g2p_spar_self_service.home_card", PaymentAccountCard);
