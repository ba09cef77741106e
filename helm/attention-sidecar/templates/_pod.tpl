{{- /* What all containers of this chart may not do. */ -}}
{{- define "attention-sidecar.restricted" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* The beginning of a pod's spec of this chart's own. */ -}}
{{- define "attention-sidecar.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.placement" -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "attention-sidecar.commonMounts" -}}
- name: attention-config
  mountPath: /etc/attention-sidecar
  readOnly: true
- name: attention-tmp
  mountPath: /tmp
{{- if .Values.credentials.kafkaTls.existingSecret }}
- name: attention-kafka-tls
  mountPath: /etc/attention-sidecar-kafka
  readOnly: true
{{- end }}
{{- if .Values.credentials.otel.caKey }}
- name: attention-otel
  mountPath: /etc/attention-sidecar-otel
  readOnly: true
{{- end }}
{{- end }}

{{- define "attention-sidecar.commonVolumes" -}}
- name: attention-config
  configMap:
    name: {{ include "attention-sidecar.fullname" . }}
- name: attention-tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with .Values.credentials.kafkaTls.existingSecret }}
- name: attention-kafka-tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.credentials.otel }}
{{- if .caKey }}
- name: attention-otel
  secret:
    secretName: {{ .existingSecret }}
    items: [{key: {{ .caKey | quote }}, path: {{ .caKey | quote }}}]
{{- end }}
{{- end }}
{{- end }}

{{- /* Takes the `baselines` of a daemon or of the monitor. */ -}}
{{- define "attention-sidecar.baselinesMount" -}}
{{- if .existingConfigMap -}}
- name: attention-baselines
  mountPath: /etc/attention-baselines
  readOnly: true
{{- end }}
{{- end }}

{{- define "attention-sidecar.baselinesVolume" -}}
{{- with .existingConfigMap -}}
- name: attention-baselines
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}

{{- /* A change of settings starts pods anew, since they are read at start only. */ -}}
{{- define "attention-sidecar.podAnnotations" -}}
attention-sidecar/version: {{ .Chart.AppVersion }}
attention-sidecar/settings: {{ include "attention-sidecar.settings" . | sha256sum | trunc 16 | printf "sha256-%s" }}
{{- end }}

{{- /* The process answers; whether Kafka, Grafana or a store do is no reason to start it anew. */ -}}
{{- define "attention-sidecar.livenessProbe" -}}
httpGet:
  path: /health/live
  port: attention-http
initialDelaySeconds: 30
periodSeconds: 20
timeoutSeconds: 5
failureThreshold: 6
{{- end }}
