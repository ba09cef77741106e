{{- /* Settings that do not go with pods. */ -}}
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
{{- end }}

{{- /* Of settings that name files: those are in no image, and a daemon without them ends at once. */ -}}
{{- define "attention-sidecar.validateFiles" -}}
{{- $kafkaTls := "put it into a Secret and name that in credentials.kafkaTls" }}
{{- $places := dict
  "drift.baseline" "make a ConfigMap of it and name that in sidecar.baselines.existingConfigMap, or for a fleet in monitor.baselines.existingConfigMap"
  "heads.calibrations" "make a ConfigMap of it and name that in calibrations.existingConfigMap"
  "kafka.tls_ca" $kafkaTls
  "kafka.tls_certificate" $kafkaTls
  "kafka.tls_key" $kafkaTls
  "otel.certificate" "put it into a Secret and name that in credentials.otel, with its key in caKey" }}
{{- range $setting, $place := $places }}
{{- $path := splitList "." $setting }}
{{- with dig (first $path) (last $path) "" $.Values.settings }}
{{- fail (printf "settings.%s: %v is in no pod; %s" $setting . $place) }}
{{- end }}
{{- end }}
{{- end }}
