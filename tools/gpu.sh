#!/usr/bin/env bash
# Everything that only a GPU can show, on a machine with vLLM for CUDA in the Python at hand.
# Usage: tools/gpu.sh [FOLDER]   figures go to FOLDER, by default benchmarks/results
# Every part runs, whatever the others do; the status is 1 if any failed.
set -uo pipefail
cd "$(dirname "$0")/.."
results="${1:-benchmarks/results}"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" HF_HUB_OFFLINE=1
failed=0

part() {
    echo "== $*"
    "$@" || { echo "== failed: $*"; failed=1; }
}

python -c 'import torch, vllm; assert torch.cuda.is_available(); print(vllm.__version__, torch.cuda.get_device_name())' || {
    echo "tools/gpu.sh: needs a CUDA device and vLLM" >&2
    exit 1
}
part python -m pytest -q tests/tap/summary tests/tap/paged tests/tap/engines
part python -m pytest -q tests/engine/test_gpu.py
part python -m benchmarks.kernel_bandwidth --json "$results/kernel_bandwidth.json"
part python -m benchmarks.serving_overhead --json "$results/serving_overhead_gpu.json"
exit $failed
