# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Fixed values of the portal."""

#: version of the sentence a person agrees to; raise it whenever the sentence changes
CONSENT_VERSION = "1"
#: providers or branches on one page of a search
SEARCH_PAGE = 12
#: characters of a search term that count
SEARCH_TERM = 80
#: changes on one page of the history
HISTORY_PAGE = 20
#: why the registry is asked, as its ledger says it
PURPOSE = "Self-service portal: a person looks at the own account"
#: most seconds a page waits for a mapper
SCREEN_SECONDS = 3
#: for how long pages leave a mapper alone that did not answer in time, in seconds
REST_SECONDS = 15
