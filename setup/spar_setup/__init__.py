# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What ``setup/run`` and ``setup/test`` share.

Read it in this order, each file has one job:

========================  ====================================================
``console``               one-line failures, progress of long commands
``places``                where things lie, and the locks on them
``debian``                Debian packages of the machine
``odoo_source``           Odoo 19 itself: given by its user, or downloaded
``python_env``            virtual environments, one per set of requirements
``postgres``              the private PostgreSQL server of this checkout
``addons``                the addons of this checkout, in dependency order
``server``                one server process: start, find again, stop
``instance``              one database of the suite: make, copy, update, serve
``odoo_log``              what an Odoo log says: warnings, errors, test counts
``templates``             databases that others start as copies of
``workbench``             all of the above, prepared in the right order
``lint``, ``unit``        parts of ``setup/test``
``report``                what passed and what failed
========================  ====================================================
"""
