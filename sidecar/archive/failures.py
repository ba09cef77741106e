"""What keeps a query from its answer, in a line."""

from collections.abc import Iterator
from contextlib import contextmanager


class QueryFailed(Exception):
    """The query cannot be answered; one line that says why."""


@contextmanager
def in_a_line() -> Iterator[None]:
    """Around a query of an archive, until its rows are there. Raises QueryFailed."""
    try:
        import duckdb
    except ModuleNotFoundError:
        raise QueryFailed("duckdb is missing: pip install 'attention-sidecar[lab]'") from None
    try:
        yield
    except duckdb.Error as error:
        raise QueryFailed(" ".join(str(error).split("\n\nLINE")[0].split())) from None
    except (OSError, ValueError) as error:
        raise QueryFailed(str(error)) from None
