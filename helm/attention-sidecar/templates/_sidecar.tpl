{{- /*
Templates for charts of engines. Each takes the context of this chart: as a dependency,
  (index .Subcharts "attention-sidecar")
*/ -}}

{{- /* Both init containers: the plugin's copy, and the native sidecar. */ -}}
{{- define "attention-sidecar.initContainers" -}}
{{ include "attention-sidecar.pluginContainer" . }}
{{ include "attention-sidecar.container" . }}
{{- end }}

{{- define "attention-sidecar.pluginContainer" -}}
{{- $plugin := .Values.sidecar.plugin -}}
- name: attention-plugin
  image: {{ $plugin.image.repository }}:{{ default .Chart.AppVersion $plugin.image.tag }}
  imagePullPolicy: {{ $plugin.image.pullPolicy }}
  args: [/opt/attention-sidecar]
  resources:
    {{- toYaml $plugin.resources | nindent 4 }}
  securityContext:
    {{- include "attention-sidecar.restricted" . | nindent 4 }}
  volumeMounts:
    - name: attention-plugin
      mountPath: /opt/attention-sidecar
{{- end }}

{{- /* The daemon, for `initContainers`: it starts before the engine and ends after it. */ -}}
{{- define "attention-sidecar.container" -}}
- name: attention-sidecar
  image: {{ include "attention-sidecar.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args: [daemon]
  env:
    {{- include "attention-sidecar.environment" . | nindent 4 }}
    {{- include "attention-sidecar.addresses" . | nindent 4 }}
    - name: ATTENTION_WIRE__SHARED
      value: "true"
    {{- include "attention-sidecar.calibrations" . | nindent 4 }}
    {{- include "attention-sidecar.baselines" .Values.sidecar.baselines | nindent 4 }}
  ports:
    - name: attention-http
      containerPort: {{ include "attention-sidecar.port" . }}
  livenessProbe:
    {{- include "attention-sidecar.livenessProbe" . | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "attention-sidecar.restricted" . | nindent 4 }}
  volumeMounts:
    - name: attention-sockets
      mountPath: /run/attention-sidecar
    - name: attention-state
      mountPath: /var/lib/attention-sidecar
    {{- include "attention-sidecar.calibrationsMount" . | nindent 4 }}
    {{- include "attention-sidecar.baselinesMount" .Values.sidecar.baselines | nindent 4 }}
    {{- include "attention-sidecar.commonMounts" . | nindent 4 }}
{{- end }}

{{- define "attention-sidecar.port" -}}
{{ dig "http" "port" 9464 .Values.settings }}
{{- end }}

{{- define "attention-sidecar.addresses" -}}
- name: ATTENTION_WIRE__SAMPLES
  value: ipc:///run/attention-sidecar/samples
- name: ATTENTION_WIRE__CONTROL
  value: ipc:///run/attention-sidecar/control
{{- end }}

{{- define "attention-sidecar.volumes" -}}
- name: attention-plugin
  emptyDir: {sizeLimit: 1Gi}
- name: attention-sockets
  emptyDir: {sizeLimit: 16Mi}
- name: attention-state
  {{- toYaml .Values.sidecar.state | nindent 2 }}
{{- with .Values.calibrations.existingConfigMap }}
- name: attention-calibrations
  configMap:
    name: {{ . }}
{{- end }}
{{- include "attention-sidecar.baselinesVolume" .Values.sidecar.baselines | nindent 0 }}
{{ include "attention-sidecar.commonVolumes" . }}
{{- end }}

{{- /* For the engine's container. */ -}}
{{- define "attention-sidecar.engineEnv" -}}
- name: PYTHONPATH
  value: /opt/attention-sidecar
- name: ATTENTION_CONFIG
  value: /etc/attention-sidecar/engine.toml
{{ include "attention-sidecar.addresses" . }}
{{- include "attention-sidecar.calibrations" . | nindent 0 }}
{{- end }}

{{- define "attention-sidecar.calibrationsMount" -}}
{{- if .Values.calibrations.existingConfigMap -}}
- name: attention-calibrations
  mountPath: /etc/attention-calibrations
  readOnly: true
{{- end }}
{{- end }}

{{- define "attention-sidecar.engineVolumeMounts" -}}
- name: attention-plugin
  mountPath: /opt/attention-sidecar
  readOnly: true
- name: attention-sockets
  mountPath: /run/attention-sidecar
  readOnly: true
- name: attention-config
  mountPath: /etc/attention-sidecar
  readOnly: true
{{- include "attention-sidecar.calibrationsMount" . | nindent 0 }}
{{- end }}

{{- define "attention-sidecar.engineArgs" -}}
- --middleware=sidecar.tap.middleware.AttentionMiddleware
{{- end }}
