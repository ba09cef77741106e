#!/usr/bin/env bash
# Prints names and paths of helm, helm-docs, kustomize and kubectl, built from source once a version.
# Wants Go; the first time takes some six minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")"

readonly tools=(
    helm.sh/helm/v3/cmd/helm@v3.21.4
    github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2
    sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
)
# Of the same Kubernetes as helm's, which is built already.
readonly kubectl=k8s.io/kubectl/pkg/cmd@v0.36.2
# What helm takes for the version of Kubernetes where there is none to ask.
readonly kubernetes="-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37
    -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1
    -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37"
version=$( (cat build.sh kubectl.go && go env GOOS GOARCH) | sha256sum | cut -c1-16)
readonly cached=${XDG_CACHE_HOME:-$HOME/.cache}/attention-sidecar/kubernetes-$version

install_tools() {
    local tool
    for tool in "${tools[@]}"; do
        GOBIN=$1 nice go install -ldflags "$kubernetes" "$tool" || return
    done
}

# A module of one file, with the versions that kubectl itself asks for.
install_kubectl() {
    local -r module=$1/module
    mkdir "$module" && cp kubectl.go "$module" || return
    (cd "$module" && go mod init kubectl && go get "$kubectl" && nice go build -o ../kubectl) || return
    rm -r "$module"
}

build() {
    mkdir -p "${cached%/*}"
    local folder log
    folder=$(mktemp -d "$cached.XXXX") log=$(mktemp)
    if ! { install_tools "$folder" && install_kubectl "$folder"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -rf "$folder" "$log"
        return 1
    fi
    rm "$log"
    chmod 755 "$folder"
    mv -T "$folder" "$cached" 2>/dev/null || rm -rf "$folder"
}

[[ -d $cached ]] || build
for tool in "$cached"/*; do echo "${tool##*/} $tool"; done
