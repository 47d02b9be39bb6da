import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Search as you type among providers or branches. The server sends the same list that
 * the page shows without JavaScript, so choosing works in one way only.
 */
export class DirectorySearch extends Interaction {
    static selector = ".o_spar_search";
    dynamicContent = {
        "input[type=search]": {
            "t-on-input": this.debounced(this.search, 250),
        },
        ".o_spar_search_form": { "t-on-submit.prevent": this.search },
        ".o_spar_pager a": { "t-on-click.prevent.withTarget": this.onPage },
    };

    setup() {
        this.inputEl = this.el.querySelector("input[type=search]");
        this.resultsEl = this.el.querySelector(".o_spar_search_results");
        this.statusEl = this.el.querySelector(".o_spar_search_status");
        this.lastQuery = this.inputEl.value.trim();
        this.registerCleanup(() => this.abort?.abort());
    }

    async search() {
        const query = this.inputEl.value.trim();
        if (query !== this.lastQuery) {
            this.lastQuery = query;
            await this.load(query, 1);
        }
    }

    async onPage(ev, linkEl) {
        await this.load(this.lastQuery, linkEl.dataset.pageNumber);
        this.resultsEl.querySelector("button")?.focus();
    }

    /**
     * @param {string} query
     * @param {number|string} page
     */
    async load(query, page) {
        this.abort?.abort();
        this.abort = new AbortController();
        const url = `${this.el.dataset.searchUrl}?${new URLSearchParams({ q: query, page })}`;
        this.resultsEl.setAttribute("aria-busy", "true");
        let found;
        try {
            const response = await this.waitFor(fetch(url, { signal: this.abort.signal }));
            if (!response.ok || response.redirected) {
                throw new Error(response.statusText);
            }
            found = await this.waitFor(response.json());
        } catch (error) {
            if (error.name === "AbortError") {
                return; // a newer search is under way
            }
            // The plain form still works and shows what is wrong, a new login included.
            window.location.assign(`${window.location.pathname}?${new URLSearchParams({ q: query })}`);
            return;
        }
        this.protectSyncAfterAsync(() => {
            this.statusEl.textContent = found.status;
            this.resultsEl.innerHTML = found.html;
            this.resultsEl.removeAttribute("aria-busy");
        })();
    }
}

registry.category("public.interactions").add("g2p_spar_self_service.directory_search", DirectorySearch);
