"""Where the Triton kernels run: on the GPU where there is one, else in Triton's interpreter."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

KERNELS = "sidecar.tap.summary.kernels"


@pytest.fixture(scope="module")
def device() -> Iterator[torch.device]:
    """Kernels imported by the module's tests run on this device.

    Triton decides at its import whether it interprets. So modules of a first import are set aside,
    and back again afterwards; its extension module, which cannot be loaded twice, stays.
    """
    if torch.cuda.is_available():
        yield torch.device("cuda")
        return
    aside = take_out()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch_language_once(patch)
        yield torch.device("cpu")
    take_out()
    sys.modules.update(aside)


def patch_language_once(patch: pytest.MonkeyPatch) -> None:
    """The interpreter does it for each call of each function, which takes most of its time."""
    from triton.runtime import interpreter

    done = set()

    def call(self, *args, **kwargs):
        if self.fn.__module__ not in done:
            done.add(self.fn.__module__)
            interpreter._patch_lang(self.fn)
        return self.rewrite()(*args, **kwargs)

    patch.setattr(interpreter.InterpretedFunction, "__call__", call)


def take_out() -> dict[str, ModuleType]:
    """Remove what was imported of Triton and of the kernels, and return it."""
    names = [
        name
        for name in sys.modules
        if name.startswith(KERNELS)
        or (name.partition(".")[0] == "triton" and not name.startswith("triton._C"))
    ]
    return {name: sys.modules.pop(name) for name in names}
