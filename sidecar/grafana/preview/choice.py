"""Values that somebody chooses for variables: whether they are known, and how queries have them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sidecar.grafana.boards import Board
from sidecar.grafana.preview.answers import Answers, PreviewError
from sidecar.grafana.preview.fetch import Span

Chosen = Mapping[str, Sequence[str]]
_LABEL = re.compile(r"label_values\(.*, (\w+)\)")
_SPECIAL = re.compile(r"[$^*{}\[\]+?.()|]")
_MOST = 20
"""Values that are named at most where one is not known."""


def check(boards: Iterable[Board], answers: Answers, span: Span, chosen: Chosen) -> None:
    """Raises PreviewError for a value that nothing of ours has within the span."""
    variables = {one["name"]: one for board in boards for one in board.model["templating"]["list"]}
    for name, values in chosen.items():
        known = _known(variables[name], answers, span)
        for value in values:
            if known is not None and value not in known:
                raise PreviewError(f"--choose {f'{name}={value}'!r}: {_there_are(known)}")


def in_queries(chosen: Chosen) -> dict[str, str]:
    r"""Each value as it is written, and several as alternatives.

    >>> in_queries({"route": ["*"], "signal": ["psi", "a.b"]})
    {'route': '\\\\*', 'signal': '(psi|a\\\\.b)'}
    """
    return {name: _alternatives([_escaped(one) for one in some]) for name, some in chosen.items()}


def _alternatives(values: Sequence[str]) -> str:
    return f"({'|'.join(values)})" if len(values) > 1 else values[0]


def _escaped(value: str) -> str:
    """For a regular expression within a PromQL string, which needs each backslash twice."""
    plain = value.replace("\\", 4 * "\\").replace('"', r"\"")
    return _SPECIAL.sub(lambda match: rf"\\{match[0]}", plain)


def _known(variable: Mapping[str, Any], answers: Answers, span: Span) -> list[str] | None:
    """What can be chosen; None where the variable does not say."""
    if variable["type"] == "custom":
        return [one["value"] for one in variable["options"]]
    found = _LABEL.fullmatch(variable.get("definition", ""))
    return sorted(answers.values(found[1], span.start, span.end)) if found else None


def _there_are(known: Sequence[str]) -> str:
    if not known:
        return "nothing has any value within the span"
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return f"nothing has it within the span; there are {', '.join(known[:_MOST])}{more}"
