"""What a query names, read from its syntax tree."""

import re

import promql_parser

from sidecar.grafana.boards import Board, filled, intervals


def nodes(expr: str) -> list[promql_parser.Expr]:
    """All parts of a query without variables. Raises ValueError where it does not parse."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expr), found.append)
    return found


def selectors(expr: str) -> list[promql_parser.VectorSelector]:
    """Every selector in it."""
    return [node for node in nodes(expr) if isinstance(node, promql_parser.VectorSelector)]


def name_of(selector: promql_parser.VectorSelector) -> str:
    """The metric that it selects."""
    assert selector.name, f"{selector.prettify()} names no metric"
    return selector.name


def matchers(selector: promql_parser.VectorSelector) -> dict[str, str]:
    return {one.name: one.value for one in selector.matchers.matchers}


def sent(board: Board, expr: str) -> str:
    """A query with the defaults of all variables."""
    return filled(expr, board.variables() | intervals(step=15, scrape=15, span=3600))


def followed(page: str) -> list[str]:
    """The queries of a runbook."""
    return re.findall(r"```promql\n(.*?)\n```", page, re.DOTALL)
