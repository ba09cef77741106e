"""The kernel's benchmark says when it cannot measure."""

import sys

import pytest
import torch

from benchmarks import kernel_bandwidth


def test_without_a_gpu_it_measures_nothing_and_says_so(monkeypatch, capsys, tmp_path):
    file = tmp_path / "figures.json"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["kernel_bandwidth", "--json", str(file)])
    with pytest.raises(SystemExit) as ended:
        kernel_bandwidth.main()
    assert ended.value.code == kernel_bandwidth.SKIPPED
    assert "needs a CUDA GPU" in capsys.readouterr().err
    assert not file.exists()
