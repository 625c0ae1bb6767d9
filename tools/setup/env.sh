#!/usr/bin/env bash
# .trivet/env, which a shell sources (sh, bash, zsh) to have this checkout's Pulumi, tools and state.
. "$(dirname "$0")/lib.sh"

PASSPHRASE=$STATE/passphrase

main() {
  mkdir -p "$STATE/state" "$STATE/pulumi"
  [[ -s $PASSPHRASE ]] || (umask 077 && head -c 32 /dev/urandom | base64 -w 0 >"$PASSPHRASE")
  environment >"$STATE/.env"
  mv "$STATE/.env" "$STATE/env"
}

# What the user chose stays, and what another checkout chose goes: hence each pattern.
environment() {
  cat <<EOF
# Made by tools/setup/env.sh. Source it: . .trivet/env
case ":\$PATH:" in
  *:$(quoted "$BIN"):*) ;;
  *) export PATH=$(quoted "$ROOT/.venv/bin:$BIN"):"\$PATH" ;;
esac
case "\${PULUMI_BACKEND_URL-}" in
  '' | file://*/.trivet/state) export PULUMI_BACKEND_URL=$(quoted "file://$STATE/state") ;;
esac
case "\${PULUMI_CONFIG_PASSPHRASE_FILE-}" in
  '' | */.trivet/passphrase) export PULUMI_CONFIG_PASSPHRASE_FILE=$(quoted "$PASSPHRASE") ;;
esac
case "\${PULUMI_HOME-}" in
  '' | */.trivet/pulumi) export PULUMI_HOME=$(quoted "$STATE/pulumi") ;;
esac
export PULUMI_SKIP_UPDATE_CHECK=true
EOF
  # Where the language host is ours, Pulumi's own servers were out of reach: let it not look for plugins there.
  ! cmp -s "$BIN/pulumi-language-python" "$ROOT/tools/language_host/pulumi-language-python" ||
    echo 'export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true'
}

# quoted TEXT: for any POSIX shell.
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

main
