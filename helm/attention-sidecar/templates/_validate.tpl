{{- /* What a schema cannot say; each message names the value and what would be right. */ -}}
{{- define "attention-sidecar.validate" -}}
{{- include "attention-sidecar.validateLabels" . }}
{{- include "attention-sidecar.validateSecrets" . }}
{{- include "attention-sidecar.validateSettings" . }}
{{- include "attention-sidecar.validateFiles" . }}
{{- include "attention-sidecar.validateState" . }}
{{- include "attention-sidecar.validateSpill" . }}
{{- include "attention-sidecar.validateKafka" . }}
{{- include "attention-sidecar.validateOtel" . }}
{{- include "attention-sidecar.validateArchive" . }}
{{- include "attention-sidecar.validateMonitor" . }}
{{- include "attention-sidecar.validateRules" . }}
{{- include "attention-sidecar.validateNetwork" . }}
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
{{- if .Values.sidecar.baselines.existingConfigMap }}
{{- fail "sidecar.baselines.existingConfigMap: either each daemon has a baseline or the monitor, else every alert comes from all; remove it, or set monitor.enabled=false" }}
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
