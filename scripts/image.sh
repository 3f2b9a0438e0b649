#!/usr/bin/env bash
# Builds the image with whatever builder this machine has.
#
# Usage: image.sh NAME   (docker, podman or buildah; PLATFORM and BASE may be set)
# Fails: with a sentence when there is no builder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=${1:?which name? such as postfleet:0.1.0}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# Times of files are those of the last commit, so that the same commit gives the same image.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision")
[[ -z ${BASE:-} ]] || arguments+=(--build-arg "BASE=$BASE")
[[ -z ${PLATFORM:-} ]] || arguments+=(--platform "$PLATFORM")

if command -v docker >/dev/null; then
  SOURCE_DATE_EPOCH=$epoch exec docker buildx build "${arguments[@]}" --build-arg "SOURCE_DATE_EPOCH=$epoch" \
    --output "type=docker,rewrite-timestamp=true" -t "$name" .
elif command -v podman >/dev/null; then
  exec podman build "${arguments[@]}" --timestamp "$epoch" -t "$name" .
elif command -v buildah >/dev/null; then
  exec buildah bud "${arguments[@]}" --timestamp "$epoch" -t "$name" .
fi
echo "image.sh: there is no docker, podman or buildah on this machine" >&2
exit 1
