# For backup.sh and restore.sh: how they reach NATS, with a credential for everything in our account.
# shellcheck shell=bash

# NAMESPACE RELEASE → a function `installation` that runs a command of postfleet against it
nats_access() {
  local port
  access=$(mktemp -d)
  trap 'rm -rf "$access"; [[ -z ${forward:-} ]] || kill "$forward" 2>/dev/null || true' EXIT
  credentials "$1" "$2" >"$access/admin.creds"
  authority "$1" "$2"
  address=${NATS_URL:-}
  if [[ -z $address ]]; then
    kubectl -n "$1" port-forward "service/$2-nats" :4222 >"$access/forward" &
    forward=$!
    until port=$(grep -om1 '127.0.0.1:[0-9]*' "$access/forward"); do
      kill -0 "$forward" || return 1
      sleep 0.2
    done
    # A certificate names hosts: for us, `localhost`.
    if [[ -n ${NATS_CA:-} ]]; then address=tls://localhost:${port#*:}; else address=nats://$port; fi
  fi
}

# From the keys, by the operator's program: in its pod, or here when there is none.
credentials() {
  local files=$access config
  if [[ -n $(kubectl -n "$1" get pods -l "app.kubernetes.io/instance=$2,app.kubernetes.io/component=operator" -o name) ]]; then
    kubectl -n "$1" exec "deploy/$2-operator" -- postfleet operator credentials --config /etc/postfleet/operator/config.yaml
  else
    config=$files/config.yaml
    kubectl -n "$1" get configmap "$2-operator" -o 'jsonpath={.data.config\.yaml}' >"$config"
    "$here/../bin/postfleet" operator credentials --config "$config"
  fi
}

# Where NATS speaks TLS: NATS_CA is the file by which its certificate is trusted.
authority() {
  local secret
  secret=$(kubectl -n "$1" get configmap "$2-operator" -o 'jsonpath={.data.config\.yaml}' | sed -n 's/^  caSecret: //p')
  [[ -n $secret ]] || return 0
  export NATS_CA=$access/ca.crt
  kubectl -n "$1" get secret "$secret" -o 'jsonpath={.data.ca\.crt}' | base64 -d >"$NATS_CA"
}

installation() { NATS_CREDS=$access/admin.creds "$here/../bin/postfleet" "$@" --nats "$address"; }
