#!/usr/bin/env bash
# Prints names and paths of helm, helm-docs and kustomize, built from source once a version.
# Wants Go; the first time takes some four minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")"

readonly tools=(
    helm.sh/helm/v3/cmd/helm@v3.21.4
    github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2
    sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
)
# What helm takes for the version of Kubernetes where there is none to ask.
readonly kubernetes="-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37
    -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1
    -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37"
version=$( (cat build.sh && go env GOOS GOARCH) | sha256sum | cut -c1-16)
readonly cached=${XDG_CACHE_HOME:-$HOME/.cache}/attention-sidecar/kubernetes-$version

build() {
    mkdir -p "${cached%/*}"
    local folder tool
    folder=$(mktemp -d "$cached.XXXX")
    for tool in "${tools[@]}"; do
        (cd "$folder" && GOBIN=$folder nice go install -ldflags "$kubernetes" "$tool") >"$folder/log" 2>&1 || {
            tail -n 20 "$folder/log" >&2
            rm -rf "$folder"
            return 1
        }
    done
    rm "$folder/log"
    chmod 755 "$folder"
    mv -T "$folder" "$cached" 2>/dev/null || rm -rf "$folder"
}

[[ -d $cached ]] || build
for tool in "$cached"/*; do echo "${tool##*/} $tool"; done
