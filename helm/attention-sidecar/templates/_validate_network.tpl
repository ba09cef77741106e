{{- /* What pods talk to: brokers, a collector, and who is let in and out. */ -}}
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

{{- define "attention-sidecar.validateOtel" -}}
{{- with .Values.credentials.otel }}
{{- if and .caKey (not .existingSecret) }}
{{- fail (printf "credentials.otel.caKey: %s is a key of no Secret; set credentials.otel.existingSecret" .caKey) }}
{{- end }}
{{- if and .existingSecret (not .headersKey) (not .caKey) }}
{{- fail "credentials.otel.existingSecret: nothing of it is used; set credentials.otel.headersKey or caKey" }}
{{- end }}
{{- $endpoint := dig "otel" "endpoint" "" $.Values.settings | default "" }}
{{- if and .caKey (not (hasPrefix "https://" $endpoint)) }}
{{- fail (printf "credentials.otel.caKey: certificates do nothing without encryption; set settings.otel.endpoint, which is %q, to an address that begins with https://" $endpoint) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.validateNetwork" -}}
{{- if and .Values.networkPolicy.enabled .Values.monitor.enabled }}
{{- if and .Values.podMonitor.enabled (not .Values.networkPolicy.scrapers) }}
{{- fail "networkPolicy.scrapers: nobody may read the metrics that podMonitor.enabled asks the monitor for; name the pods of Prometheus, as peers of a NetworkPolicy" }}
{{- end }}
{{- range $setting := list "drift.alertmanager" "otel.endpoint" }}
{{- $path := splitList "." $setting }}
{{- if and (dig (first $path) (last $path) "" $.Values.settings) (not $.Values.networkPolicy.egress) }}
{{- fail (printf "networkPolicy.egress: the monitor would not reach settings.%s; add a rule that lets it out to that port" $setting) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
