#!/usr/bin/env bash
# Saves an installation in a cluster: its keys, and every stream of its NATS.
#
# Usage: backup.sh NAMESPACE RELEASE FOLDER     (release: the name that everything in the namespace begins with)
# Needs: kubectl with rights on the namespace. The streams are saved by `postfleet backup`, which this is a frame for.
# Env:   NATS_URL, where NATS is reached from here; without it, through `kubectl port-forward`.
set -euo pipefail
umask 077
namespace=${1:?namespace} release=${2:?release} folder=${3:?folder}
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/nats-access.sh
source "$here/nats-access.sh"

mkdir -p "$folder"
users=$(kubectl -n "$namespace" get secret "$release-nats-users" --ignore-not-found -o name)
kubectl -n "$namespace" get "secret/$release-keys" "secret/$release-nats-auth" ${users:+"$users"} -o json |
  node -e '
    const list = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    for (const each of list.items) {
      const { name, namespace, labels } = each.metadata;
      each.metadata = { name, namespace, labels };
    }
    console.log(JSON.stringify(list));' >"$folder/keys.json"
nats_access "$namespace" "$release"
installation backup "$folder"
