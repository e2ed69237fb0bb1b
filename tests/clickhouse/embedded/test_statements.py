"""Who brings the rows, what is streamed, and what is left to the client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.clickhouse.embedded.errors import QueryError
from finops.clickhouse.embedded.statements import Kind, read_statement
from finops.clickhouse.embedded.tokens import tokens_of


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", Kind.STREAM),
        ("select 1;", Kind.STREAM),
        ("-- insert into t values\nSELECT 1", Kind.STREAM),
        ("/* ; */ (SELECT 1) UNION ALL SELECT 2", Kind.STREAM),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Kind.STREAM),
        ("WITH 'INSERT' AS x SELECT x", Kind.STREAM),
        ("FROM t SELECT a", Kind.STREAM),
        ("SHOW TABLES", Kind.TABLE),
        ("desc t", Kind.TABLE),
        ("EXISTS t", Kind.TABLE),
        ("EXPLAIN INSERT INTO t SELECT 1", Kind.TABLE),
        ("CREATE TABLE t AS SELECT 1", Kind.COMMAND),
        ("ALTER TABLE t UPDATE a = 1 WHERE 1", Kind.COMMAND),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Kind.COMMAND),
        ("INSERT INTO t SELECT 1", Kind.COMMAND),
        ("INSERT INTO t WITH 1 AS x SELECT x", Kind.COMMAND),
        ("INSERT INTO t (SELECT 1)", Kind.COMMAND),
        ("INSERT INTO t (a) (SELECT 1)", Kind.COMMAND),
        ("INSERT INTO t FROM u SELECT a", Kind.COMMAND),
        ("INSERT INTO t VALUES (1)", Kind.COMMAND),
        ("INSERT INTO t (a) VALUES (';'), ('--')", Kind.COMMAND),
        ("INSERT INTO t VALUES", Kind.INSERT),
        ("INSERT INTO t VALUES;", Kind.INSERT),
        ("INSERT INTO t VALUES -- (1)", Kind.INSERT),
        ("INSERT INTO t", Kind.INSERT),
        ("INSERT INTO t (a, b)", Kind.INSERT),
        ("insert t values", Kind.INSERT),
        ("INSERT INTO TABLE d.t (a) FORMAT Native", Kind.INSERT),
        ("INSERT INTO `values`.`select` (`format`) VALUES", Kind.INSERT),
        ("INSERT INTO t (a) SETTINGS x = 1, y = 'VALUES' VALUES", Kind.INSERT),
        ("INSERT INTO t SETTINGS x = 1 SELECT 1", Kind.COMMAND),
        ("INSERT INTO FUNCTION file('x', 'CSV', 'a Int8') VALUES", Kind.INSERT),
        ("INSERT INTO FUNCTION file('x', 'CSV') SELECT 1", Kind.COMMAND),
        ("INSERT INTO t SELECT a FROM input('a Int8') FORMAT Native", Kind.INSERT_INPUT),
        ("INSERT INTO", Kind.COMMAND),
        ("INSERT", Kind.COMMAND),
        ("'", Kind.COMMAND),
        ("KILL QUERY WHERE 1", Kind.COMMAND),
    ],
)
def test_the_kind_of_a_statement(sql: str, kind: Kind) -> None:
    assert read_statement(sql).kind is kind


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1 "),
        ("SELECT 1 format Native SETTINGS a = 1", "SELECT 1  SETTINGS a = 1"),
        ("SELECT 1 SETTINGS a = 1 FORMAT Null;", "SELECT 1 SETTINGS a = 1 "),
        ("SELECT format FROM t", "SELECT format FROM t"),
        ("SELECT 'x FORMAT JSON'", "SELECT 'x FORMAT JSON'"),
        ("SELECT (SELECT 1 FORMAT x)", "SELECT (SELECT 1 FORMAT x)"),
        ("SELECT 1 -- the end", "SELECT 1 -- the end"),
        ("INSERT INTO t (a) /* b */ VALUES", "INSERT INTO t (a) /* b */ "),
    ],
)
def test_what_is_sent_to_the_engine(sql: str, text: str) -> None:
    assert read_statement(sql).text == text


@pytest.mark.parametrize(
    ("sql", "target", "columns"),
    [
        ("INSERT INTO t VALUES", "t", ""),
        ("INSERT INTO d . `t x` (a, `b)`) VALUES", "d . `t x`", "a, `b)`"),
        ("INSERT INTO FUNCTION f(g(1), ')') (a) VALUES", "f(g(1), ')')", "a"),
        ("INSERT INTO TABLE FUNCTION f() VALUES", "f()", ""),
        ("INSERT INTO t (* EXCEPT(a, b)) VALUES", "t", "* EXCEPT(a, b)"),
    ],
)
def test_where_rows_go(sql: str, target: str, columns: str) -> None:
    statement = read_statement(sql)
    assert (statement.target, statement.columns) == (target, columns)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", 62),
        (" -- nothing\n", 62),
        (";", 62),
        ("SELECT 1; SELECT 2", 62),
        ("INSERT INTO t VALUES (1); DROP TABLE t", 62),
        ("SELECT 1 INTO OUTFILE 'x'", 48),
        ("INSERT INTO t FORMAT CSV 1,2", 48),
    ],
)
def test_statements_that_are_refused(sql: str, code: int) -> None:
    with pytest.raises(QueryError) as caught:
        read_statement(sql)
    assert caught.value.code == code


@given(st.text(alphabet="'`\"\\;-/*#$ \nab1(){}[]@", max_size=60))
def test_every_character_is_in_one_token_or_blank(sql: str) -> None:
    at = 0
    for token in tokens_of(sql):
        assert token.start >= at
        assert sql[token.start : token.end] == token.text
        at = token.end


@given(st.text(max_size=50))
def test_a_quoted_text_is_one_token(text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    assert [token.text for token in tokens_of(f"a{quoted}b")] == ["a", quoted, "b"]


def test_a_very_long_string_takes_no_time() -> None:
    sql = "SELECT '" + "\\'x''" * 500_000 + "' FORMAT Null"
    assert read_statement(sql).text.endswith("' ")
