{{- /* What a schema cannot say; each message names the value and what would be right. */ -}}
{{- define "attention-sidecar.validate" -}}
{{- include "attention-sidecar.validateLabels" . }}
{{- include "attention-sidecar.validateSecrets" . }}
{{- include "attention-sidecar.validateSettings" . }}
{{- include "attention-sidecar.validateKafka" . }}
{{- include "attention-sidecar.validateArchive" . }}
{{- include "attention-sidecar.validateMonitor" . }}
{{- include "attention-sidecar.validateRules" . }}
{{- end }}

{{- define "attention-sidecar.validateLabels" -}}
{{- $own := "^(app\\.kubernetes\\.io/(name|instance|version|managed-by|component)|helm\\.sh/chart)$" }}
{{- $places := dict "commonLabels" .Values.commonLabels }}
{{- range $part := list "rules" "dashboards" "podMonitor" }}
{{- $_ := set $places (printf "%s.labels" $part) (index $.Values $part).labels }}
{{- end }}
{{- range $place, $labels := $places }}
{{- range $label, $value := $labels }}
{{- if regexMatch $own $label }}
{{- fail (printf "%s: %s=%s is a label that the chart sets itself; remove it" $place $label $value) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateSecrets" -}}
{{- $secrets := dict "http.token" "credentials.http" "kafka.password" "credentials.kafka" "kafka.username" "credentials.kafka" "otel.headers" "credentials.otel" }}
{{- range $setting, $place := $secrets }}
{{- $path := splitList "." $setting }}
{{- if dig (first $path) (last $path) "" $.Values.settings }}
{{- fail (printf "settings.%s: values are no place for secrets; put it into a Secret and name that in %s.existingSecret" $setting $place) }}
{{- end }}
{{- end }}
{{- range $setting := list "drift.alertmanager" "otel.endpoint" }}
{{- $path := splitList "." $setting }}
{{- if contains "@" (dig (first $path) (last $path) "" $.Values.settings | toString) }}
{{- fail (printf "settings.%s: values are no place for secrets, and no daemon takes them here; give an address without user and password" $setting) }}
{{- end }}
{{- end }}
{{- if dig "kafka" "tls_key_password" "" .Values.settings }}
{{- fail "settings.kafka.tls_key_password: values are no place for secrets; use a key without a password in credentials.kafkaTls" }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateSettings" -}}
{{- $host := dig "http" "host" "127.0.0.1" .Values.settings }}
{{- if or (eq $host "localhost" "::1") (hasPrefix "127." $host) }}
{{- fail (printf "settings.http.host: %s is open to the pod alone, and the probe comes from outside; set 0.0.0.0 or ::" $host) }}
{{- end }}
{{- range $section, $field := dict "archive" "path" "kafka" "spill_path" "drift" "state_path" }}
{{- $path := dig $section $field "" $.Values.settings }}
{{- if not (hasPrefix "/var/lib/attention-sidecar/" $path) }}
{{- fail (printf "settings.%s.%s: %q cannot be written; choose a folder in /var/lib/attention-sidecar, where the volume is" $section $field $path) }}
{{- end }}
{{- end }}
{{- if .Values.settings.wire }}
{{- range $field := list "samples" "control" "shared" "remote" }}
{{- if hasKey $.Values.settings.wire $field }}
{{- fail (printf "settings.wire.%s: leave it out; the chart mounts the sockets and sets their addresses" $field) }}
{{- end }}
{{- end }}
{{- end }}
{{- if dig "heads" "calibrations" list .Values.settings }}
{{- fail "settings.heads.calibrations: no such file is in the pods; make a ConfigMap of it and name that in calibrations.existingConfigMap" }}
{{- end }}
{{- range $part := list "sidecar" "monitor" }}
{{- $sources := keys (index $.Values $part).state | sortAlpha }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s.state: is one volume source, names %s; set %s.state.emptyDir=null beside another" $part (join " and " $sources) $part) }}
{{- end }}
{{- end }}
{{- if and (dig "archive" "enabled" false .Values.settings) (hasKey .Values.sidecar.state "emptyDir") }}
{{- fail "settings.archive.enabled: an archive would fill sidecar.state, an emptyDir, and evict the engine's pod; set it to false and enable archivers, or give sidecar.state a volume of its own" }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateKafka" -}}
{{- $servers := dig "kafka" "bootstrap_servers" list .Values.settings }}
{{- range $part := list "archivers" "monitor" }}
{{- if and (index $.Values $part).enabled (not $servers) }}
{{- fail (printf "%s.enabled: needs brokers; set settings.kafka.bootstrap_servers, such as [kafka:9092]" $part) }}
{{- end }}
{{- end }}
{{- $mechanism := dig "kafka" "sasl_mechanism" "" .Values.settings }}
{{- $secret := .Values.credentials.kafka.existingSecret }}
{{- if and $mechanism (not $secret) }}
{{- fail (printf "settings.kafka.sasl_mechanism: %s needs a user; set credentials.kafka.existingSecret" $mechanism) }}
{{- end }}
{{- if and $secret (not $mechanism) }}
{{- fail "credentials.kafka.existingSecret: needs a mechanism; set settings.kafka.sasl_mechanism, such as SCRAM-SHA-512" }}
{{- end }}
{{- if and .Values.credentials.kafkaTls.existingSecret (not (dig "kafka" "tls" false .Values.settings)) }}
{{- fail "credentials.kafkaTls.existingSecret: certificates do nothing without encryption; set settings.kafka.tls=true" }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateArchive" -}}
{{- range $part := list "archivers" "compaction" }}
{{- if and (index $.Values $part).enabled (not $.Values.archive.existingClaim) }}
{{- fail (printf "%s.enabled: needs the archive's volume; set archive.existingClaim to a PersistentVolumeClaim" $part) }}
{{- end }}
{{- end }}
{{- with .Values.archivers }}
{{- if and .enabled (gt (int .replicas) (int .partitions)) }}
{{- fail (printf "archivers.replicas: %d is more than the %d partitions of the archive's topic, the rest would idle; lower it, or add partitions and set archivers.partitions" (int .replicas) (int .partitions)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateMonitor" -}}
{{- if .Values.monitor.enabled }}
{{- if not .Values.monitor.baselines.existingConfigMap }}
{{- fail "monitor.baselines.existingConfigMap: the monitor needs a baseline; run attention-sidecar baseline build, make a ConfigMap of the file and name it" }}
{{- end }}
{{- if dig "drift" "baseline" list .Values.settings }}
{{- fail "settings.drift.baseline: either each daemon has a baseline or the monitor, else every alert comes from all; remove it, or set monitor.enabled=false" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateRules" -}}
{{- with .Values.rules }}
{{- if and .enabled (not .grafanaUrl) }}
{{- fail "rules.grafanaUrl: alerts link to dashboards and runbooks there; set the address of your Grafana, such as https://grafana.example.com" }}
{{- end }}
{{- end }}
{{- end }}
