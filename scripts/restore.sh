#!/usr/bin/env bash
# Brings a saved installation back into a new one of the same release and namespace, whose operator is not running yet:
#   helm install … --set operator.replicas=0; restore.sh …; helm upgrade … --set operator.replicas=2
#
# Usage: restore.sh NAMESPACE RELEASE FOLDER
# Needs: as backup.sh.
# Fails: when the new installation holds mail already; nothing is overwritten.
set -euo pipefail
umask 077
namespace=${1:?namespace} release=${2:?release} folder=${3:?folder}
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/nats-access.sh
source "$here/nats-access.sh"

kubectl apply -f "$folder/keys.json" >/dev/null
kubectl -n "$namespace" rollout status "statefulset/$release-nats" --timeout 180s >/dev/null
nats_access "$namespace" "$release"
installation restore "$folder"
