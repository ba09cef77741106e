"""What moved most is found among layers, documents and tags."""

import numpy as np
import pyarrow as pa

from sidecar import schema
from sidecar.drift.explain import rank
from tests.archive import samples


def table(shift: float) -> pa.Table:
    batch = samples.batch(samples.ids(200))
    rows = batch.to_pylist()
    rng = np.random.default_rng(3)
    for number, row in enumerate(rows):
        moved = number % 2
        row["tags"] = [("retriever", "new" if moved else "old")]
        row["context_share"] = 0.4 + rng.normal(0, 0.05) - shift * moved
        row["layer_context_share"] = [0.4 + rng.normal(0, 0.05), np.nan]
    return pa.Table.from_pylist(rows, schema=schema.RECORD)


def test_the_group_that_moved_comes_first() -> None:
    found = rank(table(0.0), table(0.3), "context_share")
    assert (found[0].kind, found[0].name) == ("tag", "retriever=new")
    assert abs(found[0].before - found[0].after) > 0.2
    assert ("layer", "7") not in {(one.kind, one.name) for one in found}
    assert {one.kind for one in found} == {"layer", "tag"}


def test_what_all_samples_have_tells_nothing() -> None:
    before, after = table(0.0), table(0.3)
    place = schema.RECORD.get_field_index("tags")
    alike = pa.array([[("tenant", "a")]] * 200, schema.RECORD.field("tags").type)
    named = [one.set_column(place, schema.RECORD.field(place), alike) for one in (before, after)]
    assert {one.kind for one in rank(named[0], named[1], "context_share")} == {"layer"}
