#!/bin/sh
# What the tests need of the machine beside Python: a browser, fonts, Node, Java and the Firestore emulator.
# What is missing is installed from the machine's own packages where we may (root, apt), and otherwise named.
set -u

need() { # need COMMAND PACKAGES...: the packages are wanted unless the command is there
    command=$1; shift
    command -v "$command" >/dev/null 2>&1 || install "$command" "$@"
    echo "   $command: there"
}

install() { # install WHAT PACKAGES...: or say what is missing, and fail
    what=$1; shift
    echo "   $what: missing, installing $*"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        [ -n "${updated:-}" ] || { apt-get update -qq && updated=yes; }
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null && return
    fi
    echo "Missing: $what. On Debian and Ubuntu: sudo apt-get install $*"
    [ "$what" != "$emulator" ] || echo "It is part of the gcloud SDK, whose packages come from Google: https://cloud.google.com/sdk/docs/install#deb"
    exit 1
}

emulator="Firestore emulator"
emulator_there() { command -v gcloud >/dev/null 2>&1 && [ -e "$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)/platform/cloud-firestore-emulator" ]; }

need chromium chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
/sbin/ldconfig -p | grep -q libatomic.so.1 || install libatomic libatomic1  # Playwright's own Node is linked to it
need node nodejs
need npm npm
need java default-jre-headless
emulator_there || install "$emulator" google-cloud-cli google-cloud-cli-firestore-emulator
echo "   $emulator: there"
