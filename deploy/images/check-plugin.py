"""Whether a vLLM in this environment would find the tap and could import it; says where it is."""

import importlib
import importlib.metadata
import sys

PLUGIN = "attention_sidecar"
NEEDED = ("sidecar.tap.middleware", "sidecar.tap.emit")

found = importlib.metadata.entry_points(group="vllm.general_plugins", name=PLUGIN)
if not found:
    sys.exit(f"no installed package offers {PLUGIN!r} to vLLM")
for module in NEEDED:
    importlib.import_module(module)
for offer in found:
    register = offer.load()
    sys.stdout.write(f"{offer.value} is offered to vLLM by {register.__code__.co_filename}\n")
