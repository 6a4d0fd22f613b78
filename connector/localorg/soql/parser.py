"""Recursive-descent parser: text → `Query`."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NoReturn

from connector.localorg.soql.syntax import (
    All,
    AnyOf,
    Call,
    Comparison,
    Condition,
    Constant,
    DateLiteral,
    FieldSet,
    Not,
    Operand,
    Order,
    Path,
    Query,
    Selected,
)
from connector.localorg.soql.tokens import Token, malformed, tokens, unquote

LONGEST = 100_000
"""Characters in a query."""

_CLAUSES = (
    "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE",
)  # fmt: skip
_RESERVED = (
    "AND", "ASC", "DESC", "EXCLUDES", "FALSE", "FROM", "HAVING", "IN", "INCLUDES", "LIKE", "LIMIT", "NOT", "NULL",
    "NULLS", "OR", "SELECT", "TRUE", "USING", "WHERE", "WITH",
)  # fmt: skip
"""Words that can't be names. `Order` and `Group` can: they are objects."""

_PERIOD = re.compile(
    r"YESTERDAY|TODAY|TOMORROW|(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)"
    r"|(LAST|NEXT)_90_DAYS|(?P<counted>(LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS)|N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS)_AGO)"
)
_SETS = ("ALL", "STANDARD", "CUSTOM")
_OPERATORS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_DEEPEST = 50
"""How deep conditions may be nested before the parser calls it nonsense."""


def parse(text: str) -> Query:
    """The query that the text says.

    Raises:
        SalesforceError: MALFORMED_QUERY, with the place.
    """
    if len(text) > LONGEST:
        raise malformed("", 0, f"SOQL statements cannot be longer than {LONGEST} characters.")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0
        self._aliases: list[str] = []

    # -- tokens --------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _mark(self, text: str) -> bool:
        if self._next.kind == "mark" and self._next.text == text:
            self._place += 1
            return True
        return False

    def _word(self, *words: str) -> bool:
        if self._next.is_word(*words):
            self._place += 1
            return True
        return False

    def _expect_mark(self, text: str) -> None:
        if not self._mark(text):
            self._unexpected()

    def _expect_word(self, *words: str) -> None:
        if not self._word(*words):
            self._unexpected()

    def _expect_name(self) -> Token:
        if self._next.kind != "name" or self._next.is_word(*_RESERVED):
            self._unexpected()
        return self._take()

    def _unexpected(self) -> NoReturn:
        token = self._next
        found = "<EOF>" if token.kind == "end" else token.text
        raise malformed(self._text, token.at, f"unexpected token: '{found}'")

    def _number(self) -> int:
        token = self._next
        if token.kind != "number" or not token.text.isdigit():
            self._unexpected()
        self._take()
        return int(token.text)

    # -- clauses -------------------------------------------------------------------------------------------------

    def whole(self) -> Query:
        query = self._query()
        if self._next.kind != "end":
            self._unexpected()
        return query

    def _query(self) -> Query:
        self._expect_word("SELECT")
        select_at = self._place
        self._skip_to_from()
        self._expect_word("FROM")
        source = self._expect_name()
        self._aliases.append(self._alias(source))
        after_source = self._place
        self._place = select_at
        select = self._select()
        self._place = after_source
        if self._word("USING"):
            self._expect_word("SCOPE")
            self._expect_name()
        where = self._condition() if self._word("WHERE") else None
        if self._word("WITH"):
            self._expect_word("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
        group_by, having = self._grouping()
        order_by = self._ordering()
        limit = self._number() if self._word("LIMIT") else None
        offset = self._number() if self._word("OFFSET") else 0
        while self._word("FOR", "UPDATE"):
            self._expect_word("VIEW", "REFERENCE", "UPDATE", "TRACKING", "VIEWSTAT")
        self._aliases.pop()
        return Query(
            select=select,
            source=source.text,
            at=source.at,
            where=where,
            group_by=group_by,
            having=having,
            order_by=order_by,
            limit=limit,
            offset=offset,
        )

    def _skip_to_from(self) -> None:
        """Find the FROM of this SELECT: its alias must be known before the selected fields are read."""
        start, depth = self._place, 0
        while not (depth == 0 and self._next.is_word("FROM")):
            token = self._take()
            if token.kind == "mark":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.kind == "end" or depth < 0:
                # There is none. Reading the selected fields finds the better place to complain about.
                self._place = start
                self._aliases.append("")
                self._select()

    def _alias(self, source: Token) -> str:
        self._word("AS")
        if self._next.kind == "name" and not self._next.is_word(*_CLAUSES):
            return self._expect_name().text.lower()
        return source.text.lower()

    def _select(self) -> tuple[Selected | FieldSet | Query, ...]:
        selected = [self._selected()]
        while self._mark(","):
            selected.append(self._selected())
        if not self._next.is_word("FROM"):
            self._unexpected()
        return tuple(selected)

    def _selected(self) -> Selected | FieldSet | Query:
        if self._mark("("):
            query = self._query()
            self._expect_mark(")")
            return query
        token = self._next
        if token.is_word("FIELDS"):
            self._take()
            self._expect_mark("(")
            which = self._expect_name()
            if not which.is_word(*_SETS):
                raise malformed(self._text, which.at, f"unexpected token: '{which.text}'")
            self._expect_mark(")")
            return FieldSet(which.text.upper(), token.at)
        if token.is_word("TYPEOF"):
            raise malformed(self._text, token.at, "TYPEOF is not supported here")
        what = self._operand()
        alias = ""
        if self._next.kind == "name" and not self._next.is_word("FROM"):
            alias = self._expect_name().text
        return Selected(what, alias)

    def _grouping(self) -> tuple[tuple[Operand, ...], Condition | None]:
        if not self._word("GROUP"):
            return (), None
        self._expect_word("BY")
        groups = [self._operand()]
        while self._mark(","):
            groups.append(self._operand())
        return tuple(groups), self._condition() if self._word("HAVING") else None

    def _ordering(self) -> tuple[Order, ...]:
        if not self._word("ORDER"):
            return ()
        self._expect_word("BY")
        terms = [self._order()]
        while self._mark(","):
            terms.append(self._order())
        return tuple(terms)

    def _order(self) -> Order:
        by = self._operand()
        descending = self._word("DESC")
        if not descending:
            self._word("ASC")
        nulls_first: bool | None = None
        if self._word("NULLS"):
            nulls_first = self._word("FIRST")
            if not nulls_first:
                self._expect_word("LAST")
        return Order(by, descending, nulls_first)

    # -- conditions ----------------------------------------------------------------------------------------------

    def _condition(self) -> Condition:
        first = self._term()
        if self._next.is_word("AND", "OR"):
            word = self._next.text.upper()
            terms = [first]
            while self._word(word):
                terms.append(self._term())
            if self._next.is_word("AND", "OR"):
                # SOQL has no precedence between the two: it wants parentheses.
                self._unexpected()
            return All(tuple(terms)) if word == "AND" else AnyOf(tuple(terms))
        return first

    def _term(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise malformed(self._text, self._next.at, "conditions are nested too deep")
        try:
            if self._word("NOT"):
                return Not(self._term())
            if self._mark("("):
                condition = self._condition()
                self._expect_mark(")")
                return condition
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Comparison:
        left = self._operand()
        token = self._next
        if token.kind == "mark" and token.text in _OPERATORS:
            self._take()
            return Comparison(left, _OPERATORS[token.text], self._constant())
        if self._word("LIKE"):
            return Comparison(left, "LIKE", self._constant())
        if self._word("INCLUDES", "EXCLUDES"):
            return Comparison(left, token.text.upper(), self._constants())
        if self._word("IN"):
            return Comparison(left, "IN", self._members())
        if self._word("NOT"):
            self._expect_word("IN")
            return Comparison(left, "NOT IN", self._members())
        return self._unexpected()

    def _members(self) -> tuple[Constant, ...] | Query:
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if following.is_word("SELECT"):
            self._expect_mark("(")
            query = self._query()
            self._expect_mark(")")
            return query
        return self._constants()

    def _constants(self) -> tuple[Constant, ...]:
        self._expect_mark("(")
        constants = [self._constant()]
        while self._mark(","):
            constants.append(self._constant())
        self._expect_mark(")")
        return tuple(constants)

    def _constant(self) -> Constant:
        token = self._next
        if token.kind == "string":
            self._take()
            return Constant("string", unquote(token.text), token.at)
        if token.kind == "number":
            self._take()
            return Constant("number", float(token.text), token.at)
        if token.kind in ("date", "datetime"):
            return self._moment(self._take())
        return self._named_constant() if token.kind == "name" else self._unexpected()

    def _moment(self, token: Token) -> Constant:
        try:
            if token.kind == "date":
                return Constant("date", date.fromisoformat(token.text), token.at)
            return Constant("datetime", datetime.fromisoformat(token.text.upper()), token.at)
        except ValueError:
            raise malformed(self._text, token.at, f"Invalid date: {token.text}") from None

    def _named_constant(self) -> Constant:
        token = self._next
        word = token.text.upper()
        if word == "NULL":
            self._take()
            return Constant("null", None, token.at)
        if word in ("TRUE", "FALSE"):
            self._take()
            return Constant("boolean", word == "TRUE", token.at)
        period = _PERIOD.fullmatch(word)
        if period is None:
            self._unexpected()
        self._take()
        number = None
        if period["counted"]:
            self._expect_mark(":")
            number = self._number()
        return Constant("period", DateLiteral(word, number), token.at)

    # -- names ---------------------------------------------------------------------------------------------------

    def _operand(self) -> Operand:
        token = self._expect_name()
        if self._mark("("):
            if self._mark(")"):
                return Call(token.text.upper(), None, token.at)
            argument = self._path(self._expect_name())
            self._expect_mark(")")
            return Call(token.text.upper(), argument, token.at)
        return self._path(token)

    def _path(self, token: Token) -> Path:
        names = tuple(token.text.split("."))
        if len(names) > 1 and names[0].lower() == self._aliases[-1]:
            names = names[1:]
        return Path(names, token.at)
