#!/usr/bin/env bash
# Builds the image with whatever builder this machine has.
#
# Usage: image.sh NAME [ARGUMENT…]   (more arguments go to the builder)
# Env:   BUILDER: docker, podman or buildah; without it, the first of them that works here. PLATFORM. BASE.
# Fails: with a sentence when there is no builder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=${1:?which name? such as postfleet:0.1.0}
shift
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# Times of files are those of the last commit, so that the same commit gives the same image.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

arguments=("$@" --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
[[ -z ${BASE:-} ]] || arguments+=(--build-arg "BASE=$BASE")
[[ -z ${PLATFORM:-} ]] || arguments+=(--platform "$PLATFORM")

# Many machines have a client of Docker and no daemon.
works() {
  command -v "$1" >/dev/null || return 1
  [[ $1 != docker ]] || { docker version && docker buildx version; } >/dev/null 2>&1
}
if [[ -z ${BUILDER:-} ]]; then
  for BUILDER in docker podman buildah none; do works "$BUILDER" && break; done
fi

case $BUILDER in
  docker)
    SOURCE_DATE_EPOCH=$epoch exec docker buildx build "${arguments[@]}" --build-arg "SOURCE_DATE_EPOCH=$epoch" \
      --output "type=docker,rewrite-timestamp=true" -t "$name" .
    ;;
  podman) exec podman build "${arguments[@]}" --timestamp "$epoch" -t "$name" . ;;
  buildah) exec buildah bud "${arguments[@]}" --timestamp "$epoch" -t "$name" . ;;
  none) echo "image.sh: neither docker, podman nor buildah works on this machine" >&2 ;;
  *) echo "image.sh: BUILDER may be docker, podman or buildah" >&2 ;;
esac
exit 1
