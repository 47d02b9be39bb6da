# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import io
import logging
from itertools import islice

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from odoo.addons.g2p_spar_bank_directory import table_reader, xlsx_reader
from odoo.addons.g2p_spar_bank_directory.exceptions import SparError
from odoo.addons.g2p_spar_bank_directory.masking import mask
from odoo.addons.g2p_spar_bank_directory.table_record import TableError

from .. import import_guess, parameters
from ..import_file import SealedFile
from ..keyring import get_keyring
from ..rekeying import Chunk

_logger = logging.getLogger(__name__)

REKEYED = 10  #: parts that move to another key at once
MAX_PART = 4 << 20  #: bytes of one part of an upload
MEGABYTES = 200  #: default limit of a file
LOOK = 100  #: rows that are looked at to guess the columns
#: states with a file
BEFORE_RUN = ("draft", "checking", "checked", "to_approve", "cancelled")
#: columns with words of the directory, which are no secret unless they are none
WORDS = ("account_type", "provider", "branch", "id_type")


class G2pSparImportPart(models.Model):
    """A sealed piece of an uploaded file. Nobody has a right on it."""

    _name = "g2p.spar.import.part"
    _inherit = ["g2p.spar.service.written"]
    _description = "SPAR Import File Part"
    _order = "import_id, number"
    _log_access = False

    import_id = fields.Many2one("g2p.spar.import", required=True, ondelete="cascade")
    number = fields.Integer(required=True)
    size = fields.Integer(required=True, help="Bytes before they were sealed.")
    sealed = fields.Text(required=True, groups=fields.NO_ACCESS)

    _number_uniq = models.UniqueIndex("(import_id, number)")

    @api.model
    def _rekey_contents(self, after_id, limit):
        """Move the next parts to the current key of the key ring.

        :param int after_id: the last id of the chunk before
        :param int limit: most rows; parts are large, so it is fewer
        :rtype: Chunk
        """
        ring = get_keyring()
        self.env.cr.execute(
            SQL(
                "SELECT id, import_id, number, sealed FROM g2p_spar_import_part"
                " WHERE id > %s AND NOT starts_with(sealed, %s)"
                " ORDER BY id LIMIT %s FOR UPDATE",
                *(after_id, f"{ring.current}:", min(limit, REKEYED)),
            )
        )
        rows = self.env.cr.fetchall()
        done = 0
        for id_, import_id, number, sealed in rows:
            place = _place(import_id, number)
            try:
                content = ring.open(place, sealed)
            except SparError:
                _logger.error("Part %s of an import's file does not open", id_)
                continue
            self.env.cr.execute(
                SQL(
                    "UPDATE g2p_spar_import_part SET sealed = %s WHERE id = %s",
                    *(ring.seal(place, content), id_),
                ),
                log_exceptions=False,
            )
            done += 1
        return Chunk(rows[-1][0] if rows else 0, done, len(rows) - done)


def _place(import_id, number):
    """Where a part belongs: anywhere else it does not open."""
    return f"g2p_spar_import_part:{import_id}:{number}"


class G2pSparImport(models.Model):
    """The file: taken in parts, kept sealed, looked at, dropped."""

    _inherit = "g2p.spar.import"

    # ------------------------------------------------------------------ upload

    def _add_part(self, number, content):
        """Keep the next part of an upload; the first one begins a new upload.

        :param int number: 0 for the first part
        :param bytes content: at most :data:`MAX_PART`
        :raise AccessError: not the uploader
        :raise UserError: not the next part, too large, or not in this state
        """
        self.ensure_one()
        self._check_mine()
        self._lock()
        self._check_state("draft")
        load_sudo = self.sudo()
        if number == 0:
            load_sudo._drop_file()
        count, size = self._execute(
            SQL(
                "SELECT count(*), coalesce(sum(size), 0) FROM g2p_spar_import_part"
                " WHERE import_id = %s",
                self.id,
            )
        )[0]
        limit = self._get_limit("import_max_megabytes", MEGABYTES)
        if number == 0 and not content:
            return  # an empty file, as finish_upload() says
        if number != count or not 0 < len(content) <= MAX_PART:
            raise UserError(
                self.env._("The file did not arrive in one piece. Upload it again.")
            )
        if size + len(content) > limit << 20:
            load_sudo._drop_file()
            raise UserError(
                self.env._(
                    "The file is larger than %s MB. Split it into several files.", limit
                )
            )
        sealed = get_keyring().seal(_place(self.id, number), content)
        self._execute(
            SQL(
                "INSERT INTO g2p_spar_import_part (import_id, number, size, sealed)"
                " VALUES (%s, %s, %s, %s)",
                *(self.id, number, len(content), sealed),
            )
        )

    def _get_limit(self, name, default):
        return parameters.number(self.env, name, default)

    def _drop_file(self):
        """Forget the file and all that was read from it."""
        if not self:
            return
        for table in ("g2p_spar_import_part", "g2p_spar_import_row"):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE import_id IN %s",
                    SQL.identifier(table),
                    tuple(self.ids),
                )
            )
        self.env["g2p.spar.import.row"].invalidate_model()
        self.column_ids.unlink()
        self.write({"file_name": False, "file_size": 0, "file_format": False})

    def _open_file(self):
        """The uploaded file, seekable and opened part by part."""
        self.ensure_one()
        sizes = self._execute(
            SQL(
                "SELECT size FROM g2p_spar_import_part WHERE import_id = %s"
                " ORDER BY number",
                self.id,
            )
        )
        return io.BufferedReader(
            SealedFile([size for (size,) in sizes], self._open_part), 1 << 16
        )

    def _open_part(self, number):
        ((sealed,),) = self._execute(
            SQL(
                "SELECT sealed FROM g2p_spar_import_part"
                " WHERE import_id = %s AND number = %s",
                *(self.id, number),
            )
        )
        return get_keyring().open(_place(self.id, number), sealed)

    def finish_upload(self, file_name, size):
        """Look at a file whose parts have arrived and guess its columns.

        A file that is no table is dropped, and the import says why.

        :param str file_name: as the browser has it
        :param int size: bytes of the whole file
        :raise UserError: parts are missing
        """
        self.ensure_one()
        self._check_mine()
        self._lock()
        self._check_state("draft")
        self._check_storable({"file_name": file_name})
        load_sudo = self.sudo()
        with load_sudo._open_file() as file:
            if file.seek(0, io.SEEK_END) != size:
                raise UserError(
                    self.env._("The file did not arrive in one piece. Upload it again.")
                )
            load_sudo.write(
                {"file_name": file_name, "file_size": size, "encoding": False}
            )
            load_sudo._look_at(file)
        return True

    def action_look_again(self):
        """Read the first rows again, after a change of encoding or header."""
        self._check_mine()
        self._lock()
        self._check_state("draft")
        load_sudo = self.sudo()
        with load_sudo._open_file() as file:
            load_sudo._look_at(file, load_sudo.encoding, load_sudo.has_header)
        return True

    # ------------------------------------------------------------------ columns

    def _look_at(self, file, encoding=None, has_header=None):
        """Tell format and columns; on failure say why.

        :param str encoding: as the user has chosen, else guessed
        :param bool has_header: as the user has chosen, else as the profile has it,
            else guessed
        """
        if has_header is None and self.profile_id:
            has_header = self.profile_id.has_header
        try:
            form = table_reader.detect(file, import_guess.KNOWN, encoding or None)
            records = [
                record
                for record in islice(table_reader.iter_records(file, form), LOOK)
                if any(record.cells)
            ]
            if not records:
                raise TableError(self.env._("The file is empty."))
            self._read_columns(form, records, has_header)
        except TableError as err:
            self._drop_file()
            self.failure = self._get_reason(err)
            return
        self.write(
            {
                "failure": False,
                "file_format": form._asdict(),
                "read_total": self.file_size
                if form.kind == "csv"
                else xlsx_reader.get_size(file, form.sheet),
                "encoding": form.encoding or False,
            }
        )

    def _get_reason(self, err):
        """A :class:`TableError` as a sentence."""
        text = err.message if isinstance(err.message, str) else self.env._(err.message)
        return (
            self.env._("Row %(line)s: %(reason)s", line=err.line, reason=text)
            if (err.line)
            else text
        )

    def _read_columns(self, form, records, has_header):
        first = records[0].cells
        is_wire_id = self.env["g2p.spar.id.type"]._is_affixed
        if has_header is None:
            has_header = not import_guess.is_data(first, is_wire_id)
        width = len(first) if has_header else max(len(r.cells) for r in records)
        if width > xlsx_reader.MAX_CELLS:
            raise TableError(
                self.env._("The table has more than %s columns.", xlsx_reader.MAX_CELLS)
            )
        if width < 2:
            raise TableError(
                self.env._(
                    "The table has only one column. It takes at least one for the ID"
                    " and one for the account, separated by commas, semicolons or tabs."
                )
            )
        rows = records[1:] if has_header else records
        if not rows:
            raise TableError(self.env._("There is no row under the headers."))
        headers = [
            self._get_header(first[place].strip()) if has_header else ""
            for place in range(width)
        ]
        columns = [
            [r.cells[place].strip() for r in rows if place < len(r.cells)]
            for place in range(width)
        ]
        filled = [[cell for cell in cells if cell] for cells in columns]
        targets = import_guess.guess(headers, filled, is_wire_id)
        self.column_ids.unlink()
        self.write(
            {
                "has_header": has_header,
                "column_ids": [
                    fields.Command.create(
                        {
                            "place": place,
                            "header": headers[place],
                            "sample": self._get_sample(cells[:3], targets[place]),
                            "target": targets[place],
                        }
                    )
                    for place, cells in enumerate(filled)
                ],
            }
        )
        if self.profile_id:
            self.profile_id._apply(self)

    def _get_header(self, cell):
        """A cell of the first row as a screen may show it: it may be no header."""
        is_wire_id = self.env["g2p.spar.id.type"]._is_affixed
        if import_guess.may_be_data(cell, is_wire_id):
            return mask(cell, "last4")
        return cell[:64]

    def _get_sample(self, cells, target):
        """Some cells as a screen may show them: words of the directory as they are, all
        else masked."""
        id_types = self.env["g2p.spar.id.type"]
        is_wire_id, parsed = id_types._is_affixed, id_types._parse_ids(cells)
        return ", ".join(
            cell
            if target in WORDS and not import_guess.may_be_data(cell, is_wire_id)
            else known.masked
            if known and target == "id"
            else mask(cell, "last4")
            for cell, known in zip(cells, parsed, strict=True)
        )

    def _get_targets(self):
        """Place in the table by target."""
        return {
            column.target: column.place for column in self.column_ids if column.target
        }

    @api.onchange("profile_id")
    def _onchange_profile_id(self):
        if not self.profile_id:
            return None
        was_read_otherwise = self.has_header != self.profile_id.has_header
        self.has_header = self.profile_id.has_header
        self.profile_id._apply(self)
        if not (self.column_ids and was_read_otherwise):
            return None
        return {
            "warning": {
                "title": self.env._("Read the Columns Again"),
                "message": self.env._(
                    "The first row of this file was read in another way than the "
                    "profile says. Press “Read the Columns Again”."
                ),
            }
        }

    @api.autovacuum
    def _gc_files(self):
        """Forget files and rows that nobody has gone on with for a month; work that was
        halted for so long is ended."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        old = self.search(
            [
                ("write_date", "<", limit),
                *("|", ("state", "=", "running")),  # of that only rows are kept
                *("&", ("part_ids", "!=", False), ("state", "in", BEFORE_RUN)),
            ]
        )
        drafts = old.filtered(lambda load: load.state == "draft")
        drafts._drop_file()
        (old - drafts)._end()
