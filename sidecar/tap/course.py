"""What becomes of a step, from its begin to its samples; a CPU and a GPU have one course each."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sidecar.tap.engines.base import Layer
from sidecar.tap.tapped import Tapped

if TYPE_CHECKING:
    from sidecar.tap.tap import Tap

BLIND_AFTER = 3
"""Steps in a row that show that hooks are gone."""


Kind = TypeVar("Kind", bound=Tapped)


class Course(ABC, Generic[Kind]):
    """One choice of layers. May raise, as the tap's own methods may."""

    kind: type[Kind]

    def __init__(
        self,
        tap: "Tap",
        layers: Sequence[Layer],
        choice: str | Sequence[int],
        calibrated: Sequence[int],
    ) -> None:
        self._tap = tap
        self.tapped = self.kind(
            tap.adapter, layers, choice, tap.identity, tap.settings.engine, calibrated=calibrated
        )

    @abstractmethod
    def begin(self) -> None:
        """A step starts."""

    def recording(self) -> bool:
        """Whether a CUDA graph is being captured: what is kept now is kept at every replay."""
        return False

    @abstractmethod
    def wants(self, layer: int) -> bool:
        """Whether rows of a tapped layer are to be kept in this step."""

    def ran(self) -> None:
        """The layers have run, and no token is sampled yet."""

    @abstractmethod
    def end(self, output: Any) -> None:
        """The step has emitted its tokens."""

    def collect(self) -> None:
        """Emit samples that have arrived. Never waits."""

    def wait(self) -> None:
        """Until all that is under way has arrived; never while the engine serves."""
