#!/bin/sh
# What the tests need of the machine beside Python: a browser, fonts, Node, Java and the Firestore emulator.
# What is missing is installed from the machine's own packages where we may (root, apt), and otherwise named.
set -u

missing=""
need() { # need COMMAND PACKAGES...: the packages are wanted unless the command is there
    command=$1; shift
    if command -v "$command" >/dev/null 2>&1; then echo "   $command: there"; else echo "   $command: missing"; missing="$missing $*"; fi
}

need chromium chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
need node nodejs
need npm npm
need java default-jre-headless
emulator_there() { command -v gcloud >/dev/null 2>&1 && [ -e "$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)/platform/cloud-firestore-emulator" ]; }
if emulator_there; then echo "   Firestore emulator: there"; else echo "   Firestore emulator: missing"; missing="$missing google-cloud-cli google-cloud-cli-firestore-emulator"; fi

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "   installing:$missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Please install:$missing"
echo "On Debian and Ubuntu: sudo apt-get install$missing"
echo "The Firestore emulator is part of the gcloud SDK, whose packages come from Google: https://cloud.google.com/sdk/docs/install"
exit 1
