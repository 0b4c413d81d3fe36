#!/bin/sh
# A real Tryton 8 below one folder that can be deleted: "install" once, "start" one of a name with a world in it at a port, "stop" it. Its
# packages of PyPI in a venv of their own, its database one SQLite file. Nothing of it is part of MailMagnet: it is spoken to over HTTP,
# as anybody's Tryton is.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$here/../../.." && pwd)/.servers/tryton
venv=$folder/venv

requirements() {
    cmp -s "$here/requirements.lock" "$venv/installed" && return
    echo "   Tryton: installing its Python packages"
    rm -rf "$venv" "$folder/prepared.sqlite"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.lock"
    cp "$here/requirements.lock" "$venv/installed"
}

# The configuration of the Tryton of a name, at a port.
conf() {
    mkdir -p "$folder/$1"
    cat >"$folder/$1/trytond.conf" <<CONF
[database]
uri = sqlite://
path = $folder/$1
list = True

[web]
listen = 127.0.0.1:$2
CONF
}

prepared() {
    [ -e "$folder/prepared.sqlite" ] && return
    echo "   Tryton: making a database with its sales opportunities (half a minute)"
    rm -rf "$folder/preparing"
    conf preparing 0
    cd "$folder/preparing"
    : >crm.sqlite
    echo administrator >password
    TRYTONPASSFILE=password "$venv/bin/trytond-admin" -c trytond.conf -d crm --all --email root@corp.example \
        -u sale_opportunity party_relationship --activate-dependencies >log 2>&1 || { tail -40 log; exit 1; }
    # A plain copy would lose what still stands in SQLite's write-ahead log.
    "$venv/bin/python" -c 'import sqlite3; sqlite3.connect("crm.sqlite").execute("VACUUM INTO ?", ["prepared.sqlite"])'
    mv prepared.sqlite ..
    rm -rf "$folder/preparing"
}

# A fresh world each time, given as a JSON file: a copy of the prepared database, filled by proteus. What was filled is told in told.json.
start() {
    stop "$2"
    rm -rf "${folder:?}/$2"
    conf "$2" "$3"
    cp "$folder/prepared.sqlite" "$folder/$2/crm.sqlite"
    "$venv/bin/python" "$here/fill.py" "$1" "$folder/$2/trytond.conf" crm >"$folder/$2/told.json" 2>"$folder/$2/fill.log" \
        || { tail -40 "$folder/$2/fill.log"; exit 1; }
    # exec: the process that is stopped later is Tryton itself, not a shell around it.
    (exec "$venv/bin/trytond" -c "$folder/$2/trytond.conf" -d crm) >"$folder/$2/tryton.log" 2>&1 </dev/null &
    echo $! >"$folder/$2/pid"
    for _ in $(seq 1 240); do
        curl -s -o /dev/null "http://127.0.0.1:$3/" && return
        kill -0 "$(cat "$folder/$2/pid")" 2>/dev/null || break
        sleep 0.25
    done
    tail -40 "$folder/$2/tryton.log"; exit 1
}

stop() {
    pid=$(cat "$folder/$1/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || :
    for _ in $(seq 1 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.25; done
    rm -f "$folder/$1/pid"
}

mkdir -p "$folder"
case ${1:-} in
install) requirements; prepared; echo "   Tryton: $(sed -n "s/^\(trytond==[0-9.]*\).*/\1/p; s/^\(trytond-sale-opportunity==[0-9.]*\).*/\1/p" "$here/requirements.lock" | paste -s -d' ')" ;;
start) start "$2" "$3" "$4" ;;
stop) stop "$2" ;;
*) echo "tryton.sh install | start WORLD.json NAME PORT | stop NAME"; exit 2 ;;
esac
