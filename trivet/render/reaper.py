"""The reaper as a systemd timer, a Kubernetes CronJob and a GitHub Action: whichever keeps running when we do not.

systemd has the broker beside it, as a service of its own: either may be dead without the other.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from trivet.errors import TrivetError

Kind = Literal["systemd", "kubernetes", "github"]
KINDS: tuple[Kind, ...] = get_args(Kind)
IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}")  # a tag may be another image tomorrow

SYSTEMD = """\
# /etc/systemd/system/trivet-reap.service
[Unit]
Description=Trivet: end rented machines whose time is over
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=PROGRAM reap
TimeoutStartSec=150
SANDBOX
# /etc/systemd/system/trivet-reap.timer
[Unit]
Description=Trivet: the reaper, every three minutes

[Timer]
OnBootSec=1min
OnUnitInactiveSec=3min
AccuracySec=10s

[Install]
WantedBy=timers.target

# /etc/systemd/system/trivet-broker.service
# Where nodes have lambda.broker; better on another machine than the timer.
[Unit]
Description=Trivet: ends rented machines at their own request
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
ExecStart=PROGRAM reap --watch 60 --broker 0.0.0.0:8470
Restart=always
RestartSec=5
SANDBOX
[Install]
WantedBy=multi-user.target
"""

SANDBOX = """\
LoadCredential=lambda-key:/etc/trivet/lambda.key
Environment=LAMBDA_API_KEY_FILE=%d/lambda-key
DynamicUser=true
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=true
NoNewPrivileges=true
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
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
              image: IMAGE
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
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.12"
      - run: pip install --require-hashes -r requirements/runtime.txt && pip install --no-deps .
      - run: trivet reap
        env:
          LAMBDA_API_KEY: ${{ secrets.LAMBDA_API_KEY }}
"""


def reaper_files(kind: Kind, *, program: str, image: str | None) -> str:
    """The text to put where its comments say.

    Args:
        kind: where it runs.
        program: absolute path of `trivet` where systemd runs it.
        image: with this package in it, by digest; for Kubernetes.

    Raises:
        TrivetError: Kubernetes has no such image.
    """
    if kind == "github":
        return GITHUB
    if kind == "systemd":
        return SYSTEMD.replace("SANDBOX\n", SANDBOX + "\n").replace("PROGRAM", program)
    if not image or not IMAGE.fullmatch(image):
        raise TrivetError(
            value=f"--image {image}" if image else "no --image",
            rule="a CronJob runs one image, named by its digest, in which `trivet` is installed",
            remedy="push an image with Python 3.11 and this package, and write --image HOST/NAME@sha256:…",
        )
    return KUBERNETES.replace("IMAGE\n", f"{image}\n")
