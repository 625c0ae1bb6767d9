#!/bin/bash
# The bundle comes from a bucket of africa-south1, by way of the network's own route to Google's services.
set -euo pipefail
[[ ! -e /var/lib/trivet/installed ]] || exit 0
export HOME=/root
mkdir -p "$(dirname /srv/trivet/stacks/Pulumi.clinic.yaml)" "$(dirname /var/lib/trivet/installed)"
cat >/srv/trivet/stacks/Pulumi.clinic.yaml <<'END'
{
 "config": {
  "inference:tier": "cloud",
  "inference:provider": "gcp",
  "inference:region": "africa-south1",
  "inference:operatedFrom": "ZA"
 }
}
END
fetch() {
  python3 - "$1" <<'END'
import json, shutil, sys, time, urllib.request

def get(url, headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)

for left in reversed(range(90)):  # a grant that was made just now takes minutes to be known everywhere
    try:
        token = json.load(get('http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token', {'Metadata-Flavor': 'Google'}))["access_token"]
        answer = get(sys.argv[1], {"Authorization": f"Bearer {token}", **{}})
        break
    except OSError as exc:
        if not left:
            raise
        print(exc, file=sys.stderr)
        time.sleep(10)
shutil.copyfileobj(answer, sys.stdout.buffer)
END
}
mkdir -p /var/lib/trivet/bundle
fetch 'https://storage.googleapis.com/storage/v1/b/trivet-clinic/o/1111.tar?alt=media' | tar -x --no-same-owner -C /var/lib/trivet/bundle
echo '0000000000000000000000000000000000000000000000000000000000000000  /var/lib/trivet/bundle/install.sh' | sha256sum --check --quiet
bash /var/lib/trivet/bundle/install.sh --key RWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA --into /srv/trivet --stack clinic
rm -rf /var/lib/trivet/bundle
cat >/etc/systemd/system/trivet-closed-metadata.service <<'END'
[Unit]
Description=No container reaches the machine's metadata
After=network-pre.target
Before=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables -w -t raw -I PREROUTING -d 169.254.169.254/32 -p tcp -j DROP
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now trivet-closed-metadata.service
cd /srv/trivet
. .trivet/env
pulumi up --yes --skip-preview --non-interactive --stack clinic
touch /var/lib/trivet/installed
