"""How far a source was read, noted with the samples themselves.

A sink that keeps state keeps the mark of the last batch with it. After a restart the source goes on
from there: what is in the state is not read again, and what is not in it is.
"""

import json
from dataclasses import dataclass, field
from typing import Self

import pyarrow as pa

_KEY = b"attention_mark"


@dataclass(frozen=True)
class Mark:
    """Which evidence a sample belongs to, and what is to be read next."""

    evidence: str = ""
    """Unique for each time evidence begins anew; empty where nothing is read."""
    following: dict[int, int] = field(default_factory=dict)
    """By partition, the offset after the last record taken."""

    def on(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with this mark."""
        metadata = {**(batch.schema.metadata or {}), _KEY: self.text().encode()}
        return batch.replace_schema_metadata(metadata)

    def text(self) -> str:
        """What `parsed` reads."""
        return json.dumps([self.evidence, list(self.following.items())])

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Self | None:
        """A batch's mark; None when it has none. Raises ValueError."""
        found = (batch.schema.metadata or {}).get(_KEY)
        return None if found is None else cls.parsed(found.decode())

    @classmethod
    def parsed(cls, text: str) -> Self:
        """The opposite of `text`. Raises ValueError and TypeError."""
        evidence, following = json.loads(text)
        return cls(evidence, {int(partition): int(offset) for partition, offset in following})
