{{- /* What the daemon reads, archivers and monitor included. */ -}}
{{- define "attention-sidecar.settings" -}}
{{- $kafka := dict }}
{{- with .Values.credentials.kafkaTls }}
{{- if .existingSecret }}
{{- range $setting, $key := dict "tls_ca" .caKey "tls_certificate" .certificateKey "tls_key" .privateKeyKey }}
{{- if $key }}{{ $_ := set $kafka $setting (printf "/etc/attention-sidecar-kafka/%s" $key) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- $otel := dict }}
{{- with .Values.credentials.otel.caKey }}{{ $_ := set $otel "certificate" (printf "/etc/attention-sidecar-otel/%s" .) }}{{ end }}
{{- include "attention-sidecar.sections" (merge (dict "kafka" $kafka "otel" $otel) (deepCopy .Values.settings)) }}
{{- end }}

{{- /* What the tap reads: the rest would need credentials, which an engine does not have. */ -}}
{{- define "attention-sidecar.engineSettings" -}}
{{- include "attention-sidecar.sections" (pick .Values.settings "sampling" "engine" "heads") }}
{{- end }}

{{- define "attention-sidecar.sections" -}}
{{- range $section, $fields := . }}
{{- if $fields }}
[{{ $section }}]
{{- range $key, $value := $fields }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "attention-sidecar.toml" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Texts, numbers and lists are the same in TOML as in JSON. */ -}}
{{- define "attention-sidecar.toml" -}}
{{- if kindIs "map" . -}}
{ {{- range $index, $key := keys . | sortAlpha }}{{ if $index }},{{ end }} {{ $key | quote }} = {{ include "attention-sidecar.toml" (index $ $key) }}{{ end }} }
{{- else -}}
{{ toRawJson . }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.calibrations" -}}
{{- with .Values.calibrations }}
{{- if .existingConfigMap -}}
- name: ATTENTION_HEADS__CALIBRATIONS
  value: '["/etc/attention-calibrations/{{ join "\",\"/etc/attention-calibrations/" .keys }}"]'
{{- end }}
{{- end }}
{{- end }}

{{- /* Of a daemon or the monitor: takes the `baselines` of either. */ -}}
{{- define "attention-sidecar.baselines" -}}
{{- if .existingConfigMap -}}
- name: ATTENTION_DRIFT__BASELINE
  value: /etc/attention-baselines/{{ join ",/etc/attention-baselines/" .keys }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.secretVariable" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
{{- end }}

{{- /* What a daemon of any kind needs to know; a list of variables. */ -}}
{{- define "attention-sidecar.environment" -}}
- name: ATTENTION_CONFIG
  value: /etc/attention-sidecar/attention.toml
- name: XDG_RUNTIME_DIR
  value: /tmp
{{- with .Values.credentials }}
{{- with .kafka }}{{ if .existingSecret }}
{{ include "attention-sidecar.secretVariable" (dict "variable" "ATTENTION_KAFKA__USERNAME" "secret" .existingSecret "key" .usernameKey) }}
{{ include "attention-sidecar.secretVariable" (dict "variable" "ATTENTION_KAFKA__PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- end }}{{ end }}
{{- with .http }}{{ if .existingSecret }}
{{ include "attention-sidecar.secretVariable" (dict "variable" "ATTENTION_HTTP__TOKEN" "secret" .existingSecret "key" .tokenKey) }}
{{- end }}{{ end }}
{{- with .otel }}{{ if and .existingSecret .headersKey }}
{{ include "attention-sidecar.secretVariable" (dict "variable" "ATTENTION_OTEL__HEADERS" "secret" .existingSecret "key" .headersKey) }}
{{- end }}{{ end }}
{{- end }}
{{- end }}
