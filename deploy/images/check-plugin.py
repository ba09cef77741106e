"""Whether a vLLM in this environment would find the tap, and could import it; says what it found."""

import importlib.metadata
import sys

import sidecar.tap.emit
import sidecar.tap.middleware

PLUGIN = "attention_sidecar"

found = importlib.metadata.entry_points(group="vllm.general_plugins", name=PLUGIN)
if not found:
    sys.exit(f"no installed package offers {PLUGIN!r} to vLLM")
for offer in found:
    register = offer.load()
    sys.stdout.write(f"{offer.value} is offered to vLLM by {register.__code__.co_filename}\n")
