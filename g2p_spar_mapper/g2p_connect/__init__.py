# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""G2P-Connect mapper messages, without Odoo: used by our server and our client.

``messages`` says what the JSON looks like, ``codes`` translates outcomes to reason
codes and back, ``checks`` holds the rules about headers and items that need no
database, ``envelope`` builds and reads whole messages. ``signature`` signs bodies and
verifies what others signed, ``keys`` reads public keys.
"""
