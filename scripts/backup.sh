#!/usr/bin/env bash
# Saves an installation in a cluster: its keys, and every stream of its NATS.
#
# Usage: backup.sh NAMESPACE RELEASE FOLDER     (release: the name that everything in the namespace begins with)
# Needs: kubectl with rights on the namespace, and the program `nats` (github.com/nats-io/natscli).
# Env:   NATS_URL, where NATS is reached from here; without it, through `kubectl port-forward`.
#
# What is accepted or delivered meanwhile does no harm: records are saved before the bodies they need, so a restored
# message is whole; one that left after its record was saved is sent again after a restoration.
set -euo pipefail
umask 077
namespace=${1:?namespace} release=${2:?release} folder=${3:?folder}
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/nats-access.sh
source "$here/nats-access.sh"

mkdir -p "$folder/streams"
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

# Bodies last. What pods tell each other (leases, acknowledgements) is made anew.
mapfile -t streams < <(admin stream ls --names --all | grep -E '^[A-Za-z0-9_-]+$' | sort)
saved=()
for stream in "${streams[@]}"; do [[ $stream =~ ^(B[0-9]+|OWN|KV_acks|LOGINS)$ ]] || saved+=("$stream"); done
for stream in "${streams[@]}"; do [[ $stream =~ ^B[0-9]+$ ]] && saved+=("$stream"); done
for stream in "${saved[@]}"; do
  admin stream backup --no-progress --no-consumers "$stream" "$folder/streams/$stream" >/dev/null
  echo "saved $stream"
done
printf '%s\n' "${saved[@]}" >"$folder/order"
