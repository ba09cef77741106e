#!/usr/bin/env bash
# Makes .venv with all that the demo, the tests and the benchmarks need; a second run is instant.
# Wants Python 3.11 or newer and a package index, nothing else.
#   PYTHON=python3.12  takes that interpreter      TORCH=plain  takes no CPU build of torch
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=$PWD/.venv
readonly python=$venv/bin/python
readonly stamp=$venv/setup-stamp
readonly cpu_torch=torch==2.13.0+cpu
failed=no

say() { printf '%5ss  %s\n' "$SECONDS" "$*"; }
give_up() { printf 'setup: %s\n' "$*" >&2 && exit 1; }
is_root() { [[ $(id -u) == 0 ]]; }

# What is skipped for want of root or of a tool is made up for once that is there.
inputs() {
    local -r built=(deploy/collector/* deploy/kubernetes/* deploy/compose/build.sh)
    local -r files=(deploy/locks/*.txt "${built[@]}" deploy/setup.sh pyproject.toml)
    local -r means=$(id -u && command -v apt-get go java mvn)
    { cat "${files[@]}" && echo "$PWD ${TORCH:-} $means"; } | sha256sum
}

suits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        suits "$candidate" && command -v "$candidate" && return
    done
    return 1
}

apt_install() {
    is_root && command -v apt-get >/dev/null || return 1
    local -r install=(apt-get install -qq -y --no-install-recommends "$@")
    export DEBIAN_FRONTEND=noninteractive
    { "${install[@]}" || { apt-get update -qq && "${install[@]}"; }; } >/dev/null 2>&1
}

make_venv() {
    [[ -x $python ]] && suits "$python" && return
    find_python >/dev/null || apt_install python3 python3-venv || true
    local base
    base=$(find_python) || give_up "no ${PYTHON:-Python 3.11 or newer} with venv and ensurepip;" \
        "on Debian: apt-get install python3 python3-venv"
    say "making .venv with $base"
    "$base" -m venv --clear "$venv"
}

pip() { "$python" -m pip --disable-pip-version-check "$@"; }

pip_setting() { pip config get ":env:.$1" 2>/dev/null || pip config get "global.$1" 2>/dev/null; }

# uv reads no pip configuration, so it is told of the indexes and folders that pip was told of.
share_pip_settings_with_uv() {
    local value
    value=$(pip_setting index-url) && export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$value}"
    value=$(pip_setting extra-index-url) && export UV_EXTRA_INDEX_URL="${UV_EXTRA_INDEX_URL:-$value}"
    value=$(pip_setting find-links) && export UV_FIND_LINKS="${UV_FIND_LINKS:-${value// /,}}"
    value=$(pip_setting cert) && export SSL_CERT_FILE="${SSL_CERT_FILE:-$value}"
    export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match} # the hashes make it safe
}

install_uv() {
    pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null
    pip install --quiet --require-hashes -r deploy/locks/bootstrap.txt
    share_pip_settings_with_uv
}

uv_install() {
    [[ -t 2 ]] || set -- --quiet "$@"
    "$venv/bin/uv" pip install --python "$python" --no-deps "$@"
}

offers_cpu_torch() {
    [[ ${TORCH:-} != plain && ! -e /dev/nvidia0 ]] || return 1
    pip install --quiet --no-deps "$cpu_torch" 2>/dev/null
}

# `==` would take a CPU build where uv is offered one, and refuse it for its hash.
with_plain_torch() { sed 's/^torch==/torch===/' "$1"; }

# The lock without torch and the GPU libraries that only the plain torch needs.
without_torch() {
    awk '/^[a-z]/ { skip = /^(torch|nvidia-[a-z0-9-]+|cuda-[a-z-]+)==/ } !skip' "$1"
}

install_packages() {
    local -r lock=deploy/locks/workbench.txt
    if offers_cpu_torch; then
        say "took the CPU build of torch ($cpu_torch); installing the rest of $lock"
        uv_install --require-hashes -r <(without_torch "$lock")
    else
        say "no CPU build of torch taken; installing $lock with the plain torch, 6 GB"
        uv_install --require-hashes -r <(with_plain_torch "$lock")
    fi
    say "installing vLLM for CPUs"
    uv_install --require-hashes -r deploy/locks/vllm.txt
    uv_install --no-build-isolation --editable .
}

install_compiler() {
    command -v g++ >/dev/null && return
    say "installing g++"
    apt_install g++ && return
    say "no g++ (needs root and apt): the tests of compiled models are skipped"
}

# Unpacked beside Python instead of installed: that needs no root and starts no service.
install_from_debian() { # a tool, its package, what is tested with it
    command -v "$1" >/dev/null || [[ -x $venv/bin/$1 ]] && return
    say "fetching Debian's $2"
    unpack_deb "$2" "$venv" --strip-components=2 ./usr/bin ||
        say "no $2 (needs apt): the tests against a real $3 are skipped"
}

unpack_deb() { # a package, where to, which of its files
    local folder unpacked=0
    folder=$(mktemp -d)
    if (cd "$folder" && fetch_deb "$1"); then
        dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$2" "${@:3}" || unpacked=1
    else
        unpacked=1
    fi
    rm -rf "$folder"
    return $unpacked
}

# Debian's build finds its templates in one place only, which is not beside Python.
install_alertmanager() {
    local -r templates=/usr/share/prometheus/alertmanager tool=prometheus-alertmanager
    if [[ ! -e $templates ]] && ! { is_root && unpack_deb "$tool" / ".$templates"; }; then
        say "no $tool (needs root and apt): the tests against a real Alertmanager are skipped"
        return
    fi
    install_from_debian "$tool" "$tool" Alertmanager
}

install_browser() {
    command -v chromium-headless-shell >/dev/null && return
    say "installing a headless Chromium"
    apt_install chromium-headless-shell && return
    say "no Chromium (needs root and apt): the tests of the previews' pages are skipped"
}

# For its checks of units alone; nothing of it is started.
install_systemd() {
    command -v systemd-analyze >/dev/null && return
    say "installing systemd's tools"
    apt_install systemd && return
    say "no systemd (needs root and apt): the tests of its units are skipped"
}

# Kept in the user's cache, since it takes minutes to build.
install_built() { # a script that builds, what it builds, what is tested with that
    if ! command -v go >/dev/null; then
        say "no Go: the tests $3 are skipped"
        return
    fi
    say "taking $2, built from source the first time"
    local built name path
    if built=$("$1"); then
        while read -r name path; do ln -sf "$path" "$venv/bin/$name"; done <<<"$built"
    else
        say "no $2 could be built: the tests $3 are skipped"
        failed=yes
    fi
}

fetch_deb() {
    command -v apt-get >/dev/null || return 1
    { apt-get download -qq "$1" || { is_root && apt-get update -qq && apt-get download -qq "$1"; }; } \
        >/dev/null 2>&1
}

# Outside the checkout, so that it is fetched once for all of them.
install_broker() {
    local -r jars=${XDG_CACHE_HOME:-$HOME/.cache}/attention-sidecar/kafka-4.3.0
    compgen -G "$jars/kafka_*.jar" >/dev/null && return
    if ! { command -v java && command -v mvn; } >/dev/null; then
        say "no Java or Maven: the tests against a real Kafka are skipped"
        return
    fi
    say "fetching a Kafka broker"
    mkdir -p "${jars%/*}"
    local -r fetched=$(mktemp -d "$jars.XXXX")
    if mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$fetched"; then
        mv -T "$fetched" "$jars" 2>/dev/null || rm -rf "$fetched"
    else
        rm -rf "$fetched"
        say "no broker could be fetched: the tests against a real Kafka are skipped"
        failed=yes
    fi
}

remember() { # what was wanted
    if [[ $failed == yes ]]; then
        say "ready, save what failed: the next run tries that again"
        return
    fi
    echo "$1" >"$stamp"
    say "ready"
}

main() {
    local wanted
    wanted=$(inputs)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    say "setting up .venv; the first time takes one to ten minutes"
    make_venv
    install_uv
    install_packages
    install_compiler
    install_from_debian promtool prometheus Prometheus
    install_alertmanager
    install_browser
    install_systemd
    install_built deploy/collector/build.sh "OpenTelemetry collector" "against it"
    install_built deploy/kubernetes/build.sh "helm, helm-docs, kustomize and kubectl" "of chart and overlays"
    install_from_debian rclone rclone "object storage"
    install_built deploy/compose/build.sh "Docker Compose and object storage" "of the Compose stack"
    install_broker
    remember "$wanted"
}

main
