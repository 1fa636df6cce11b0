#!/bin/sh
# `npm run demo`: everything a first container needs, then that container. Needs Node 20, npm, gcc, make;
# running it needs root.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo 'npm run demo: a container needs root here: sudo npm run demo' >&2
  exit 1
fi
[ -e node_modules/.package-lock.json ] || npm ci --no-audit --no-fund
npm run --silent build
sh bundles/make-rootfs.sh
echo '+ ./tsrun run --bundle bundles/hello demo'
exec ./tsrun run --bundle bundles/hello "demo-$$"
