#!/bin/sh
# What the tests need of the machine beside Python: a browser, fonts, Node, Java and the Firestore emulator; "browser" as
# argument: the first two alone. What is missing is installed from the machine's own packages where we may (root, apt),
# and otherwise named.
set -u

there() { command -v "$1" >/dev/null 2>&1; }

can_install() { [ "$(id -u)" = 0 ] && there apt-get; }

installed() { # installed PACKAGES...: whether they could be
    can_install || return 1
    [ -n "${updated:-}" ] || { apt-get update -qq && updated=yes; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need() { # need WHAT WHETHER PACKAGES...: the packages are wanted unless WHETHER says that it is there
    what=$1 whether=$2; shift 2
    if ! $whether; then
        echo "   $what: missing, installing $*"
        installed "$@" && $whether || { echo "Missing: $what. On Debian and Ubuntu: sudo apt-get install $*"; exit 1; }
    fi
    echo "   $what: there"
}

browser_there() { there chromium-headless-shell || there chromium; }
libatomic_there() { /sbin/ldconfig -p | grep -q libatomic.so.1; }  # Playwright's own Node is linked to it

browser() {
    # A third less work for the tests than with the whole of Chromium; that will do where this is not to be had.
    there chromium-headless-shell || ! can_install || installed chromium-headless-shell || echo "   chromium-headless-shell: not to be had here"
    need browser browser_there chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
    need libatomic libatomic_there libatomic1
}

of_gcloud() { there gcloud && [ -e "$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)/platform/cloud-firestore-emulator" ]; }
of_firebase_tools() { ls "${FIREBASE_EMULATORS_PATH:-$HOME/.cache/firebase/emulators}"/cloud-firestore-emulator-v*.jar >/dev/null 2>&1; }
emulator_there() { of_gcloud || of_firebase_tools; }

emulator() { # without it the tests of Firestore fail, and no other
    emulator_there || fetch_emulator
    there java || installed default-jre-headless
    if emulator_there && there java; then
        echo "   Firestore emulator: there"
    else
        echo "   Firestore emulator: missing, so the tests of Firestore will fail. It is part of the gcloud SDK, whose packages come from"
        echo "   Google (https://cloud.google.com/sdk/docs/install#deb: google-cloud-cli google-cloud-cli-firestore-emulator), and runs on"
        echo "   Java (default-jre-headless)."
    fi
}

fetch_emulator() {
    echo "   Firestore emulator: missing, installing it"
    apt-cache show google-cloud-cli-firestore-emulator >/dev/null 2>&1 && installed google-cloud-cli google-cloud-cli-firestore-emulator && return
    # The last firebase-tools that runs on Debian's Node, and whose emulator on its Java. It checks what it has fetched.
    echo "   Firestore emulator: fetching it by npm's firebase-tools (this may take some minutes)"
    timeout 900 npm exec --yes --loglevel=error --package=firebase-tools@13.35.1 -- firebase setup:emulators:firestore 2>&1 | sed 's/^/   /'
}

node_there() { there node && there npm; }

browser
[ "${1:-}" = browser ] && exit
need Node node_there nodejs npm
emulator
