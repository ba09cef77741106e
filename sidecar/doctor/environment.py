"""Is the tap offered to the vLLM that is installed here? Read from metadata, without importing."""

from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution

from sidecar.doctor.check import Check, fail, ok, warn

GROUP = "vllm.general_plugins"
PLUGIN = "attention_sidecar"
OFF = ("off", "0", "false", "no")


def plugin(installed: Iterable[Distribution]) -> Check:
    """Whether exactly one distribution offers the plugin."""
    offers = [found for found in installed if _offers(found, GROUP, PLUGIN)]
    if not offers:
        return fail("plugin", "vLLM will not find the tap here", "pip install attention-sidecar")
    names = ", ".join(f"{one.name} {one.version}" for one in offers)
    if len(offers) > 1:
        return warn("plugin", f"offered more than once: {names}", "uninstall all but one")
    return ok("plugin", f"{names} offers {PLUGIN!r} to vLLM")


def vllm(installed: Iterable[Distribution]) -> Check:
    """Which vLLM is here, by its console script: CPU builds go by another name."""
    found = [one for one in installed if _offers(one, "console_scripts", "vllm")]
    if not found:
        advice = "run the doctor in the engine's environment too"
        return warn("vllm", "not installed in this environment", advice)
    return ok("vllm", ", ".join(f"{one.name} {one.version}" for one in found))


def kill_switch(environ: Mapping[str, str]) -> Check:
    """Whether ``ATTENTION_TAP`` removes the tap from engines started from this shell."""
    value = environ.get("ATTENTION_TAP")
    if value is not None and value.lower() in OFF:
        advice = "unset it and restart the engine"
        return fail("kill switch", f"ATTENTION_TAP={value} removes the tap", advice)
    return ok("kill switch", "ATTENTION_TAP does not switch the tap off in this shell")


def allow_list(environ: Mapping[str, str]) -> Check:
    """Whether ``VLLM_PLUGINS`` lets the plugin in."""
    value = environ.get("VLLM_PLUGINS")
    if value is None:
        return ok("allow-list", "VLLM_PLUGINS is not set in this shell: every plugin is loaded")
    if PLUGIN in value.split(","):
        return ok("allow-list", f"VLLM_PLUGINS has {PLUGIN}")
    advice = f"VLLM_PLUGINS={','.join(filter(None, [value, PLUGIN]))}, then restart the engine"
    return fail("allow-list", f"VLLM_PLUGINS={value!r} leaves the tap out", advice)


def _offers(distribution: Distribution, group: str, name: str) -> bool:
    return any(one.group == group and one.name == name for one in distribution.entry_points)
