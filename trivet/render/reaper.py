"""The reaper as a systemd timer, a Kubernetes CronJob and a GitHub Action: whichever keeps running when we do not."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["systemd", "kubernetes", "github"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SYSTEMD = """\
# /etc/systemd/system/trivet-reap.service
[Unit]
Description=Trivet: end rented machines whose time is over
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/env trivet reap
LoadCredential=lambda-key:/etc/trivet/lambda.key
Environment=LAMBDA_API_KEY_FILE=%d/lambda-key
DynamicUser=true
ProtectSystem=strict
NoNewPrivileges=true

# /etc/systemd/system/trivet-reap.timer
[Unit]
Description=Trivet: the reaper, every three minutes

[Timer]
OnBootSec=1min
OnUnitInactiveSec=3min
AccuracySec=10s

[Install]
WantedBy=timers.target
"""

KUBERNETES = """\
# kubectl create secret generic trivet-reap --from-file=lambda-key=FILE
apiVersion: batch/v1
kind: CronJob
metadata:
  name: trivet-reap
spec:
  schedule: "*/3 * * * *"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 120
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      activeDeadlineSeconds: 150
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            fsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: reap
              image: TRIVET_IMAGE  # any image with Python 3.11 and this package
              args: ["trivet", "reap"]
              env:
                - name: LAMBDA_API_KEY_FILE
                  value: /run/trivet/lambda-key
              resources:
                limits:
                  memory: 256Mi
                  cpu: 500m
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: key
                  mountPath: /run/trivet
                  readOnly: true
          volumes:
            - name: key
              secret:
                secretName: trivet-reap
                defaultMode: 0400
"""

GITHUB = """\
# .github/workflows/reap.yaml; the repository's secret LAMBDA_API_KEY holds the account's key
name: reap
on:
  schedule:
    - cron: "*/5 * * * *"  # GitHub may be late: a second line, behind a timer of your own
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: reap
jobs:
  reap:
    runs-on: ubuntu-latest
    timeout-minutes: 4
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install --require-hashes -r requirements/runtime.txt && pip install --no-deps .
      - run: trivet reap
        env:
          LAMBDA_API_KEY: ${{ secrets.LAMBDA_API_KEY }}
"""

TEXTS: dict[Kind, str] = {"systemd": SYSTEMD, "kubernetes": KUBERNETES, "github": GITHUB}


def reaper_files(kind: Kind) -> str:
    """The text to put where its comments say."""
    return TEXTS[kind]
