"""CSV as people have it: bytes to lines of cells and back, with Excel's encodings, separators and formulas."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mailmagnet.errors import BadTable

_SEPARATORS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
"""What Excel would take for a formula, after any apostrophes of our own."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: its number in the file (that of its first line, from 1) and its cells, trimmed."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out. The reason is for its owner's eyes: it may quote the line, and is not logged."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table as read: its first line, the others that hold anything, and those whose quotes are wrong."""

    header: Line
    lines: Sequence[Line]
    bad_lines: tuple[BadLine, ...]


def read_table_file(data: bytes, columns_known: Callable[[Sequence[str]], int]) -> TableFile:
    """Read UTF-8 (with or without BOM) or UTF-16 with commas, semicolons or tabs, as stated by a `sep=` line or by the header.

    `columns_known` is how many of a header's columns mean something: the separator that makes most of them is the file's.
    Raises BadTable when it is no table.
    """
    text = _decoded(data)
    separator_line = _SEPARATOR_LINE.match(text)
    lines_before = 1 if separator_line else 0
    text = text[separator_line.end() :] if separator_line else text
    separator = (
        separator_line[1]
        if separator_line
        else max(_SEPARATORS, key=lambda separator: columns_known(_first_cells(text, separator)))
    )
    lines, bad_lines = _lines(text, separator, lines_before)
    if not lines:
        raise BadTable("The table is empty. Its first line has to name the columns.")
    return TableFile(lines[0], tuple(lines[1:]), tuple(bad_lines))


def write_table_file(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with BOM, so that Excel knows; cells that Excel would run as formulas get an apostrophe, which reading takes off."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_without_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _decoded(data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadTable("The table is not in UTF-8. In Excel, save it as 'CSV UTF-8 (Comma delimited)'.") from None
    if "\0" in text:
        raise BadTable("This is no table of text. In Excel, save it as 'CSV UTF-8 (Comma delimited)'.")
    return text


def _first_cells(text: str, separator: str) -> Sequence[str]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        return []


def _lines(text: str, separator: str, lines_before: int) -> tuple[list[Line], list[BadLine]]:
    lines: list[Line] = []
    bad_lines: list[BadLine] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = lines_before + reader.line_num + 1
        try:
            cells = tuple(_with_formula(cell.strip()) for cell in next(reader))
        except StopIteration:
            return lines, bad_lines
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise BadTable(
                    f"A quotation mark opens in line {number} and is never closed. Close it, or take it away."
                ) from None
            bad_lines.append(
                BadLine(number, "a quotation mark is in the wrong place, or a cell is longer than 131,072 characters")
            )
            continue
        if any(cells):
            lines.append(Line(number, cells))


def _without_formula(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _with_formula(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
