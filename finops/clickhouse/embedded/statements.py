"""What kind of statement a text is, read from its tokens.

The engine parses SQL; this only has to know who brings the rows of an INSERT, whether an answer
can be streamed, and what clickhouse-client would have kept to itself (a trailing FORMAT).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from finops.clickhouse.embedded.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, QueryError
from finops.clickhouse.embedded.tokens import Token, scan, top_level

STREAMED = {"SELECT", "FROM", "("}
TABULAR = {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK"}
REFUSED = {
    ("INTO", "OUTFILE"): "INTO OUTFILE is for clickhouse-client; use INSERT INTO FUNCTION file().",
    ("WITH", "TOTALS"): "The embedded ClickHouse would drop the row of WITH TOTALS; "
    "use WITH ROLLUP or GROUPING SETS.",
}
QUERY_STARTS = {"SELECT", "WITH", "FROM", "("}


class Kind(Enum):
    """How a statement runs and what it answers with."""

    STREAM = auto()
    """A SELECT: blocks as they come, and always a header."""
    TABLE = auto()
    """SHOW, DESCRIBE and the like: a short table, and always a header."""
    COMMAND = auto()
    """Everything else: rows only where the engine gives some."""
    INSERT = auto()
    """An INSERT whose rows the client sends as blocks."""
    INSERT_INPUT = auto()
    """INSERT … SELECT … FROM input('structure'), whose rows the client sends as blocks."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement ready for the engine.

    `text` has no trailing semicolon or FORMAT. For INSERT it is the part before the rows, and
    `target` and `columns` are texts out of it; for INSERT_INPUT it has {source} where the rows
    come from, and `columns` is the string literal with their structure.
    """

    kind: Kind
    text: str
    word: str = ""
    target: str = ""
    columns: str = ""


def read_statement(sql: str) -> Statement:
    """Say what `sql` is; QueryError for several statements at once."""
    scanned = scan(sql)
    sql, tokens = sql[: scanned.end], scanned.tokens
    if not tokens:
        raise QueryError(SYNTAX_ERROR, "DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)")
    if scanned.several:
        raise QueryError(
            SYNTAX_ERROR,
            "DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)",
        )
    first = _leading_word(tokens)
    if first == "INSERT" and tokens[0].word == "INSERT":
        return _read_insert(sql, tokens)
    if first in STREAMED:
        return Statement(Kind.STREAM, _for_engine(sql, tokens), first)
    if first in TABULAR:
        return Statement(Kind.TABLE, _for_engine(sql, tokens), first)
    return Statement(Kind.COMMAND, sql, first)


def _leading_word(tokens: list[Token]) -> str:
    """The verb: what follows WITH's definitions, else the first word."""
    if tokens[0].word != "WITH":
        return tokens[0].word or tokens[0].text
    verbs = (t.word for t, _ in top_level(tokens) if t.word in ("SELECT", "FROM", "INSERT"))
    return next(verbs, "SELECT")


def _for_engine(sql: str, tokens: list[Token]) -> str:
    """Cut FORMAT name, which a server leaves to its client, and refuse what would be wrong."""
    flat = list(top_level(tokens))
    for (token, _), (after, position) in pairwise(flat):
        if reason := REFUSED.get((token.word, after.word)):
            raise QueryError(NOT_IMPLEMENTED, f"DB::Exception: {reason} (NOT_IMPLEMENTED)")
        rest = tokens[position + 1 :]
        if token.word == "FORMAT" and after.word and (not rest or rest[0].word == "SETTINGS"):
            return sql[: token.start] + sql[after.end :]
    return sql


def _read_insert(sql: str, tokens: list[Token]) -> Statement:
    at = 1
    at += tokens[at : at + 1] != [] and tokens[at].word == "INTO"
    at += tokens[at : at + 1] != [] and tokens[at].word == "TABLE"
    start = at
    function = tokens[at : at + 1] != [] and tokens[at].word == "FUNCTION"
    at = _skip_target(tokens, at)
    if at <= start + function:
        return Statement(Kind.COMMAND, sql, "INSERT")
    target = sql[tokens[start + function].start : tokens[at - 1].end]
    columns, at = _read_columns(sql, tokens, at)
    for token, position in top_level(tokens[at:]):
        position += at  # noqa: PLW2901 - from here on a place in all tokens
        if token.word in QUERY_STARTS or token.text == "(":
            return _read_insert_select(sql, tokens, position)
        if token.word in ("VALUES", "FORMAT"):
            return _read_rows(sql, tokens, position, target, columns)
    return Statement(Kind.INSERT, sql, "INSERT", target, columns)


def _skip_target(tokens: list[Token], at: int) -> int:
    """Pass over `FUNCTION name(…)` or `database.table`."""
    if tokens[at : at + 1] and tokens[at].word == "FUNCTION" and len(tokens) > at + 2:
        return _closing(tokens, at + 2) + 1
    if not (tokens[at : at + 1] and tokens[at].is_name):
        return at
    at += 1
    while len(tokens) > at + 1 and tokens[at].text == "." and tokens[at + 1].is_name:
        at += 2
    return at


def _read_columns(sql: str, tokens: list[Token], at: int) -> tuple[str, int]:
    """The text inside a list of columns; a parenthesised SELECT is none."""
    if len(tokens) <= at + 1 or tokens[at].text != "(" or tokens[at + 1].word in QUERY_STARTS:
        return "", at
    end = _closing(tokens, at)
    return sql[tokens[at].end : tokens[end].start].strip(), end + 1


def _read_rows(sql: str, tokens: list[Token], at: int, target: str, columns: str) -> Statement:
    """VALUES or FORMAT: with rows after it the text is complete, else the client sends them."""
    last = at if tokens[at].word == "VALUES" else at + 1
    if len(tokens) <= last + 1:
        return Statement(Kind.INSERT, sql[: tokens[at].start], "INSERT", target, columns)
    if tokens[at].word == "VALUES":
        return Statement(Kind.COMMAND, sql, "INSERT")
    # chDB cuts such data at the first empty line, and can store nothing without an error.
    raise QueryError(
        NOT_IMPLEMENTED,
        "DB::Exception: Rows written after FORMAT in the statement are not accepted; "
        "send them as blocks or use VALUES. (NOT_IMPLEMENTED)",
    )


def _read_insert_select(sql: str, tokens: list[Token], at: int) -> Statement:
    for position in range(at, len(tokens) - 3):
        call = tokens[position : position + 4]
        if call[0].word == "INPUT" and call[1].text == "(" and call[3].text == ")":
            text = _for_engine(sql, tokens)
            text = text[: call[0].start] + "{source}" + text[call[3].end :]
            return Statement(Kind.INSERT_INPUT, text, "INSERT", columns=call[2].text)
    return Statement(Kind.COMMAND, sql, "INSERT")


def _closing(tokens: list[Token], at: int) -> int:
    """The place of the bracket that closes the one at `at`; the last token if none does."""
    depth = 0
    for position in range(at, len(tokens)):
        depth += (tokens[position].text in "([{") - (tokens[position].text in ")]}")
        if depth <= 0:
            return position
    return len(tokens) - 1
