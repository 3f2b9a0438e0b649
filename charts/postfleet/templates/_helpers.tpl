{{/* Names. */}}
{{- define "postfleet.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "postfleet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "postfleet.name" .) .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "postfleet.name" .) | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* Labels that never change, for selectors: (list . "operator") */}}
{{- define "postfleet.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: postfleet
app.kubernetes.io/instance: {{ include "postfleet.fullname" $root }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "postfleet.labels" -}}
{{- $root := index . 0 -}}
{{ include "postfleet.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "postfleet.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end -}}
{{- end }}

{{- define "postfleet.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Pod Security "restricted". */}}
{{- define "postfleet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "postfleet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Octets of a quantity such as 20Gi, as a whole number. */}}
{{- define "postfleet.octets" -}}
{{- $text := toString . -}}
{{- if not (regexMatch "^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$" $text) -}}
{{- fail (printf "%q is no size; write one such as 20Gi" $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- $factors := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 -}}
{{- mulf $number (get $factors $unit) | int64 -}}
{{- end }}

{{/* NATS. */}}
{{- define "postfleet.nats" -}}{{ include "postfleet.fullname" . }}-nats{{- end }}
{{/* Octets that a replica may keep: 80 % of its volume. */}}
{{- define "postfleet.natsStore" -}}
{{- mulf (include "postfleet.octets" .Values.nats.storage.size | int64) 0.8 | int64 -}}
{{- end }}
{{- define "postfleet.natsUrls" -}}
{{- if eq .Values.nats.mode "External" -}}
{{ toJson .Values.nats.external.urls }}
{{- else -}}
[{{ printf "%s://%s.%s.svc:4222" (ternary "tls" "nats" .Values.nats.tls.enabled) (include "postfleet.nats" .) .Release.Namespace | quote }}]
{{- end -}}
{{- end }}
{{/* Whether daemons are told whom to trust for the certificate of NATS. */}}
{{- define "postfleet.natsHasCa" -}}
{{- if eq .Values.nats.mode "External" -}}
{{ ternary "yes" "no" (not (empty .Values.nats.external.caSecret)) }}
{{- else -}}
{{ ternary "yes" "no" .Values.nats.tls.enabled }}
{{- end -}}
{{- end }}
{{- define "postfleet.natsTlsSecret" -}}
{{ default (printf "%s-tls" (include "postfleet.nats" .)) .Values.nats.tls.secretName }}
{{- end }}
{{- define "postfleet.natsHosts" -}}
{{- $nats := include "postfleet.nats" . -}}
{{- $hosts := list -}}
{{- range $i := until (int .Values.nats.replicas) -}}
{{- $hosts = append $hosts (printf "%s-%d.%s-headless.%s.svc:6222" $nats $i $nats $.Release.Namespace) -}}
{{- end -}}
{{ toJson $hosts }}
{{- end }}

{{/* Namespaces in which the operator has rights of its own, when it has none everywhere. */}}
{{- define "postfleet.ownNamespaces" -}}
{{ toJson (uniq (append .Values.watchNamespaces .Release.Namespace)) }}
{{- end }}

{{/* Where the test's resources live: a namespace that is looked at. */}}
{{- define "postfleet.testNamespace" -}}
{{- if or (empty .Values.watchNamespaces) (has .Release.Namespace .Values.watchNamespaces) -}}
{{ .Release.Namespace }}
{{- else -}}
{{ first .Values.watchNamespaces }}
{{- end -}}
{{- end }}

{{/* What values.schema.json cannot say. */}}
{{- define "postfleet.check" -}}
{{- if eq .Values.nats.mode "External" -}}
{{- if empty .Values.nats.external.urls }}{{ fail "nats.external.urls: name at least one server, such as tls://nats.example.org:4222" }}{{ end -}}
{{- if empty .Values.nats.external.credentialsSecret }}{{ fail "nats.external.credentialsSecret: name a Secret in the release namespace with the key user.creds" }}{{ end -}}
{{- else if lt (include "postfleet.octets" .Values.nats.storage.size | int64) 1073741824 -}}
{{ fail "nats.storage.size: give at least 1Gi; what an installation sets aside does not fit into less" }}
{{- end -}}
{{- end }}
