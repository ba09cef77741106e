{{- define "attention-sidecar.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Short enough for a suffix such as -compaction, and for the one of a job. */ -}}
{{- define "attention-sidecar.fullname" -}}
{{- $name := include "attention-sidecar.name" . }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "attention-sidecar.selectorLabels" -}}
app.kubernetes.io/name: {{ include "attention-sidecar.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "attention-sidecar.labels" -}}
{{- $standard := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $standard "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") }}
{{- merge $standard (include "attention-sidecar.selectorLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- /* With labels of one object's own, a list of context and labels: a key comes once, the own wins. */ -}}
{{- define "attention-sidecar.labelsAnd" -}}
{{- merge (dict) (last .) (include "attention-sidecar.labels" (first .) | fromYaml) | toYaml }}
{{- end }}

{{- define "attention-sidecar.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
