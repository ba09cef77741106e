"""Signals of calibrated heads: those that were found to copy from documents, of each model its own.

A calibration is plain data here; `sidecar.calibration` makes it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.signals import formulas
from sidecar.signals.masses import Float32, Group, Rows
from sidecar.signals.retrieval import Segments, copied_or_nan
from sidecar.signals.rows import Lists, lists, numbers, offsets, scalars

NAMES = ("calibrated_context_share", "retrieval_rate", "grounding_score")

REASONS = ("model", "revision", "layers", "heads")
"""Why no calibration fits a sample: none of its model or of its revision is known, a calibrated
layer was not sampled, or the number of heads is another."""


@dataclass(frozen=True)
class CalibratedHeads:
    """The heads of one model revision that copy from documents."""

    model_name: str
    model_revision: str | None
    heads: int
    """Query heads of a layer."""
    chosen: tuple[tuple[int, int], ...]
    """Index of the layer and of the head in it."""
    any_revision: bool = False
    """Use them for other revisions of the model too."""

    def matches(self, model_name: str, model_revision: str | None) -> bool:
        """Whether they are of this model, and of this revision where that matters."""
        same = self.any_revision or self.model_revision == model_revision
        return same and self.model_name == model_name

    @property
    def layers(self) -> list[int]:
        """Their layers, ascending."""
        return sorted({layer for layer, _ in self.chosen})

    def places(self, layers: NDArray[np.int16]) -> tuple[Rows, NDArray[np.bool_]]:
        """Where they are in samples of ``layers [rows, layers]``, and which rows have them all.

        Places are ``[rows, chosen]``, into a sample's flat ``[layer * head]``.
        """
        layer, head = np.array(self.chosen).T
        found = layers[:, :, None] == layer
        return found.argmax(axis=1) * self.heads + head, found.any(axis=1).all(axis=1)


Calibrations = Sequence[CalibratedHeads]


def matching(
    calibrations: Calibrations, model_name: str, model_revision: str | None
) -> CalibratedHeads | None:
    """The first calibration of this revision, else the first that takes any; None without one."""
    fitting = [one for one in calibrations if one.matches(model_name, model_revision)]
    exact = [one for one in fitting if one.model_revision == model_revision]
    return next(iter(exact or fitting), None)


def mismatches(batch: pa.RecordBatch, calibrations: Calibrations) -> Counter[str]:
    """Number of samples that no calibration fits, by the first of `REASONS`."""
    counts: Counter[str] = Counter()
    heads = scalars(batch, "heads")
    for calibration, rows in _of_models(batch, calibrations):
        if isinstance(calibration, str):
            counts[calibration] += len(rows)
            continue
        alike = heads[rows] == calibration.heads
        counts["heads"] += int((~alike).sum())
        counts["layers"] += _without_layers(batch, rows[alike], calibration)
    return +counts


def signals_of(
    batch: pa.RecordBatch,
    calibrations: Calibrations,
    segments: Segments,
    whole: NDArray[np.bool_],
    shares: Sequence[tuple[Group, Float32]],
) -> dict[str, Float32]:
    """The signals of `NAMES`, ``[rows]`` each; NaN where no calibration fits.

    ``whole [rows]`` says whether all documents were found; ``shares`` has the context share of
    each group's heads, ``[rows, layer, head]``.
    """
    out: Float32 = np.full((2, len(batch)), np.nan, dtype=np.float32)
    columns = _Columns.of(batch, segments)
    for calibration, rows in _of_models(batch, calibrations) if calibrations else ():
        for group, share in shares:
            mine = np.isin(group.rows, rows)
            if isinstance(calibration, str) or calibration.heads != group.heads or not mine.any():
                continue
            those = group.rows[mine]
            out[:, those] = columns.measure(calibration, those, share[mine])
    out[1, ~whole] = np.nan
    return dict(zip(NAMES, (*out, formulas.grounding_score(*out)), strict=True))


@dataclass(frozen=True)
class _Columns:
    """What the signals are made of, beside context shares."""

    layers: Lists
    argmax: Lists
    copied: Lists
    segments: Segments

    @classmethod
    def of(cls, batch: pa.RecordBatch, segments: Segments) -> "_Columns":
        """Those of a batch."""
        return cls(lists(batch, "layers"), lists(batch, "argmax"), lists(batch, "copied"), segments)

    def measure(self, calibration: CalibratedHeads, rows: Rows, shares: Float32) -> Float32:
        """The first two signals of rows of one shape, ``[2, rows]``."""
        count, size = len(rows), shares.shape[1] * shares.shape[2]
        places, complete = calibration.places(self.layers.rows(rows, shares.shape[1]))
        which = np.arange(count)[:, None], places
        argmax = self.argmax.rows(rows, size)[which]
        copied = copied_or_nan(self.copied, rows, size)[which]
        share = formulas.calibrated_context_share(shares.reshape(count, size)[which])
        rate = formulas.retrieval_rate(copied * self.segments.in_document(rows, argmax))
        return np.where(complete, np.stack([share, rate]), np.float32(np.nan))


def _of_models(
    batch: pa.RecordBatch, calibrations: Calibrations
) -> list[tuple[CalibratedHeads | str, Rows]]:
    """The rows of each model and revision with its calibration, or the reason that it has none."""
    encoded = [
        pc.dictionary_encode(batch.column(name), null_encoding="encode")
        for name in ("model_name", "model_revision")
    ]
    names, revisions = (column.dictionary for column in encoded)
    codes = numbers(encoded[0].indices) * len(revisions) + numbers(encoded[1].indices)
    found = []
    for code in np.unique(codes).tolist():
        name, revision = divmod(code, len(revisions))
        model = names[name].as_py(), revisions[revision].as_py()
        rows = np.flatnonzero(codes == code)
        found.append((matching(calibrations, *model) or _reason(calibrations, model[0]), rows))
    return found


def _reason(calibrations: Calibrations, model_name: str) -> str:
    known = any(one.model_name == model_name for one in calibrations)
    return "revision" if known else "model"


def _without_layers(batch: pa.RecordBatch, rows: Rows, calibration: CalibratedHeads) -> int:
    count = np.diff(offsets(batch, "layers"))[rows]
    layers, missing = lists(batch, "layers"), 0
    for size in np.unique(count).tolist():
        alike = rows[count == size]
        missing += int((~calibration.places(layers.rows(alike, size))[1]).sum())
    return missing
