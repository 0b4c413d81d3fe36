#!/bin/sh
# A real Tryton 8 below one folder that can be deleted: "install" once, "start" it, "stop" it. Its packages of PyPI in a venv of their own, its
# database one SQLite file. Nothing of it is part of MailMagnet: the tests speak to it over HTTP, as to anybody's Tryton.
set -eu

folder=$(cd "$(dirname "$0")/../../.." && pwd)/.servers/tryton
port=${MAILMAGNET_TEST_TRYTON_PORT:-18000}
venv=$folder/venv

requirements() {
    cmp -s "$(dirname "$0")/requirements.txt" "$venv/installed" && return
    echo "   Tryton: installing its Python packages"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$(dirname "$0")/requirements.txt"
    cp "$(dirname "$0")/requirements.txt" "$venv/installed"
}

conf() {
    mkdir -p "$folder/database" "$folder/log"
    cat >"$folder/trytond.conf" <<CONF
[database]
uri = sqlite://
path = $folder/database
list = True

[web]
listen = 127.0.0.1:$port
CONF
}

database() {
    [ -e "$folder/prepared.sqlite" ] && return
    echo "   Tryton: making a database with its sales opportunities (half a minute)"
    stop
    rm -rf "$folder/database"
    conf
    : >"$folder/database/crm.sqlite"
    echo administrator >"$folder/password"
    TRYTONPASSFILE="$folder/password" "$venv/bin/trytond-admin" -c "$folder/trytond.conf" -d crm --all --email root@corp.example \
        -u sale_opportunity party_relationship --activate-dependencies >"$folder/log/init.log" 2>&1 || { tail -40 "$folder/log/init.log"; exit 1; }
    # A plain copy would lose what still stands in SQLite's write-ahead log.
    "$venv/bin/python" -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("VACUUM INTO ?", sys.argv[2:])' \
        "$folder/database/crm.sqlite" "$folder/prepared.sqlite"
}

# A fresh world, given as a JSON file: a copy of the prepared database, filled by proteus. The keys of its users stand in $folder/told.json.
start() {
    stop
    conf
    rm -f "$folder/database/"*
    cp "$folder/prepared.sqlite" "$folder/database/crm.sqlite"
    "$venv/bin/python" "$(dirname "$0")/fill.py" "$1" "$folder/trytond.conf" crm >"$folder/told.json" 2>"$folder/log/fill.log" || { tail -40 "$folder/log/fill.log"; exit 1; }
    # exec: the process that is stopped later is Tryton itself, not a shell around it.
    (exec "$venv/bin/trytond" -c "$folder/trytond.conf" -d crm) >"$folder/log/tryton.log" 2>&1 </dev/null &
    echo $! >"$folder/tryton.pid"
    for _ in $(seq 1 120); do
        curl -s -o /dev/null "http://127.0.0.1:$port/" && return
        kill -0 "$(cat "$folder/tryton.pid")" 2>/dev/null || break
        sleep 0.25
    done
    tail -40 "$folder/log/tryton.log"; exit 1
}

stop() {
    [ -e "$folder/tryton.pid" ] || return 0
    kill "$(cat "$folder/tryton.pid")" 2>/dev/null || :
    for _ in $(seq 1 40); do kill -0 "$(cat "$folder/tryton.pid")" 2>/dev/null || break; sleep 0.25; done
    rm -f "$folder/tryton.pid"
}

mkdir -p "$folder"
case ${1:-} in
install) requirements; database; echo "   Tryton: $(sed -n '/^trytond==/p; /^trytond_sale_opportunity==/p' "$(dirname "$0")/requirements.txt" | paste -s -d' ')" ;;
start) start "$2" ;;
stop) stop ;;
*) echo "tryton.sh install | start WORLD.json | stop"; exit 2 ;;
esac
