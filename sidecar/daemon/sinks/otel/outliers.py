"""Conditions on a request's means, such as ``context_share < 0.1``."""

import operator
import re
from collections.abc import Mapping, Sequence

_MEETS = {"<": operator.lt, ">": operator.gt}


class Outliers:
    """The conditions of `otel.outliers`, whose form the settings have checked."""

    def __init__(self, conditions: Sequence[str]) -> None:
        self._conditions = [
            (text, *(part.strip() for part in re.split("([<>])", text))) for text in conditions
        ]

    def met(self, means: Mapping[str, float]) -> list[str]:
        """The conditions that these means by signal meet; one not measured meets none."""
        return [
            text
            for text, signal, sign, bound in self._conditions
            if signal in means and _MEETS[sign](means[signal], float(bound))
        ]
