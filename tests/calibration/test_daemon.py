"""The daemon's settings while heads are calibrated, and that they are put back."""

import shlex
from typing import Any

import pytest

from sidecar.calibration.daemon import EVERY_STEP, DaemonFailed, every_step
from sidecar.config import Sampling
from sidecar.daemon.sampling import SamplingControl


class Running:
    """The daemon's own settings, without HTTP, and a tap that follows them."""

    def __init__(self, **started_with: Any) -> None:
        self._started_with = Sampling(**started_with)
        self._control = SamplingControl(self._started_with)
        self.answers = True

    def status(self) -> dict[str, Any]:
        return {
            "taps": [{"state": "active", "sampling": self.sampling()}],
            "settings": {"sampling": self._started_with.model_dump()},
        }

    def sampling(self) -> dict[str, Any]:
        return self._control.current.model_dump()

    def change_sampling(self, fields: dict[str, Any]) -> dict[str, Any]:
        changed = self._control.change(fields)
        if not self.answers:
            self.answers = True
            raise TimeoutError("no answer")
        return changed.model_dump()

    def flush_archive(self) -> None:
        raise NotImplementedError


def test_settings_are_changed_and_put_back() -> None:
    daemon = Running(stride=7)
    before = daemon.sampling()
    with every_step(daemon):
        assert daemon.sampling() == {**before, **EVERY_STEP}
    assert daemon.sampling() == before


def test_a_change_whose_answer_is_lost_is_put_back() -> None:
    daemon = Running(stride=7)
    daemon.answers = False
    with pytest.raises(TimeoutError), every_step(daemon):
        pytest.fail("the change was not confirmed")
    assert daemon.sampling()["stride"] == 7


def test_a_change_that_is_refused_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fields: dict[str, Any]) -> None:
        raise PermissionError("token: wrong")

    daemon = Running()
    monkeypatch.setattr(daemon, "change_sampling", refuse)
    with pytest.raises(PermissionError, match="token: wrong"), every_step(daemon):
        pytest.fail("nothing was changed")


def test_a_second_calibration_is_refused_while_one_runs() -> None:
    daemon = Running(stride=7)
    with every_step(daemon):
        with (
            pytest.raises(DaemonFailed, match="another calibration is running"),
            every_step(daemon),
        ):
            pytest.fail("both would put back")
        assert daemon.sampling().items() >= EVERY_STEP.items()
    assert daemon.sampling()["stride"] == 7


def test_after_a_killed_calibration_the_next_one_tells_how_to_end_it() -> None:
    daemon = Running(stride=7, layers=[1, 2], budget_ms_per_s=2.5)
    daemon.change_sampling(dict(EVERY_STEP))
    with pytest.raises(DaemonFailed) as refused, every_step(daemon):
        pytest.fail("nobody knows what to put back")
    advice = str(refused.value).rpartition(": ")[2]
    assert shlex.split(advice) == [
        *("attention-sidecar", "sampling", "set"),
        *("--stride", "7", "--layers", "1,2", "--budget-ms", "2.5"),
    ]


def test_a_daemon_that_was_started_so_stays_so() -> None:
    daemon = Running(**EVERY_STEP)
    with every_step(daemon):
        pass
    assert daemon.sampling().items() >= EVERY_STEP.items()
