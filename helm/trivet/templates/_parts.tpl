{{- /* Labels of everything: (dict "root" $ "component" NAME). */ -}}
{{- define "trivet.labels" -}}
{{ include "trivet.selector" . }}
app.kubernetes.io/part-of: {{ .root.Values.stack }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "trivet.selector" -}}
app.kubernetes.io/name: trivet
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- /* Every pod: no token, no privileges, no root. */ -}}
{{- define "trivet.pod" -}}
serviceAccountName: trivet
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.registry.pullSecret }}
imagePullSecrets:
  - name: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end -}}

{{- /* Every container. */ -}}
{{- define "trivet.security" -}}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- /* Bounds as Compose has them; memory is set aside whole, a CPU as far as the settings say: (dict "resources" R "gpus" N). */ -}}
{{- define "trivet.resources" -}}
resources:
  limits:
    cpu: {{ .resources.cpus | quote }}
    memory: {{ .resources.memory }}
    {{- with .gpus }}
    nvidia.com/gpu: {{ int . }}
    {{- end }}
  requests:
    cpu: {{ .resources.reservedCpus }}
    memory: {{ .resources.memory }}
{{- end -}}

{{- /* The spec's health: failures count after `start` seconds, or once it has been healthy. */ -}}
{{- define "trivet.probes" -}}
startupProbe:
  httpGet: {path: {{ .path }}, port: {{ int .port }}}
  periodSeconds: {{ int .interval }}
  timeoutSeconds: {{ int .timeout }}
  failureThreshold: {{ add (int .retries) (div (sub (add (int .start) (int .interval)) 1) (int .interval)) }}
livenessProbe:
  httpGet: {path: {{ .path }}, port: {{ int .port }}}
  periodSeconds: {{ int .interval }}
  timeoutSeconds: {{ int .timeout }}
  failureThreshold: {{ int .retries }}
readinessProbe:
  httpGet: {path: {{ .path }}, port: {{ int .port }}}
  periodSeconds: {{ int .interval }}
  timeoutSeconds: {{ int .timeout }}
  failureThreshold: {{ int .retries }}
{{- end -}}

{{- /* Weights never change under a name: other weights are another volume. */ -}}
{{- define "trivet.claim" -}}
{{- printf "%s-%s" .service (.weights.artifact | splitList "@sha256:" | last | trunc 12) -}}
{{- end -}}

{{- /* `gateway.json`: the configuration with the hash of every key. */ -}}
{{- define "trivet.config" -}}
{{- $config := deepCopy .Values.gateway.config -}}
{{- range $team := $config.teams -}}
{{- range $key := $team.keys -}}
{{- $name := printf "%s-%s" $team.name $key.name -}}
{{- $hash := get $.Values.gateway.keys $name -}}
{{- if not $hash -}}
{{- fail (printf "gateway.keys: no hash of the key %s: make one with `trivet chart keys`, and set kubernetes.keys in the settings" $name) -}}
{{- end -}}
{{- $_ := set $key "sha256" $hash -}}
{{- end -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{- /* Names are asked of the cluster, and of nobody else. */ -}}
{{- define "trivet.dns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}
