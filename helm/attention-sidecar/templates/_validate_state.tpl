{{- /* The volume of spill and state. */ -}}
{{- define "attention-sidecar.validateState" -}}
{{- range $part := list "sidecar" "monitor" }}
{{- $sources := keys (index $.Values $part).state | sortAlpha }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s.state: is one volume source, names %s; set %s.state.emptyDir=null beside another" $part (join " and " $sources) $part) }}
{{- end }}
{{- end }}
{{- if and (dig "archive" "enabled" false .Values.settings) (hasKey .Values.sidecar.state "emptyDir") }}
{{- fail "settings.archive.enabled: an archive would fill sidecar.state, an emptyDir, and evict the engine's pod; set it to false and enable archivers, or give each pod a volume in sidecar.state.ephemeral" }}
{{- end }}
{{- end }}

{{- /* Nothing else bounds what waits for brokers: a daemon knows of no limit of its volume. */ -}}
{{- define "attention-sidecar.validateSpill" -}}
{{- if dig "kafka" "bootstrap_servers" list .Values.settings }}
{{- $samples := ternary 2 1 (dig "kafka" "archive" false .Values.settings) }}
{{- $alerts := ternary 1 0 (not (empty .Values.sidecar.baselines.existingConfigMap)) }}
{{- $topics := dict "sidecar" (add $samples $alerts) }}
{{- if .Values.monitor.enabled }}{{ $_ := set $topics "monitor" 1 }}{{ end }}
{{- range $part, $topics := $topics }}
{{- $limit := dig "emptyDir" "sizeLimit" "" (index $.Values $part).state }}
{{- $each := dig "kafka" "spill_mb" 1024 $.Values.settings | int64 }}
{{- with $limit }}
{{- $most := div (sub (include "attention-sidecar.bytes" . | int64) 1) 1048576 }}
{{- if gt (mul $each $topics) $most }}
{{- fail (printf "settings.kafka.spill_mb: %d for each of %d topics would fill %s.state.emptyDir.sizeLimit=%v and evict the pod; set it to %d at most, or raise the limit" $each $topics $part . (div $most $topics)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of a quantity such as 4Gi, as the schema allows them. */ -}}
{{- define "attention-sidecar.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $text := ternary . (int64 . | toString) (kindIs "string" .) }}
{{- $number := regexFind "^[0-9.]+" $text }}
{{- mulf $number (index $units (trimPrefix $number $text)) | int64 }}
{{- end }}
