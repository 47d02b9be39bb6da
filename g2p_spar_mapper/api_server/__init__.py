# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The API without the rest of Odoo's web server: the second carrier.

A call of the API needs no session, no routing of hundreds of pages and no user. This
server takes it from a connection that stays open straight to the gateway, which both
carriers share. ``application`` is the WSGI application, ``reading`` the cursor of calls
that only read, ``pages`` what is served beside the protocol, ``server`` the processes
that answer.
"""
