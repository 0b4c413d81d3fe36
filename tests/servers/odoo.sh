#!/bin/sh
# A real Odoo 19 below one folder that can be deleted: "install" once, "start" it, "stop" it. Debian's signed package, run from a venv on a
# PostgreSQL of its own. Nothing of it is part of MailMagnet: the tests speak to it over HTTP, as to anybody's Odoo.
set -eu

folder=$(cd "$(dirname "$0")/../.." && pwd)/.servers/odoo
pg_port=${MAILMAGNET_TEST_PG_PORT:-54329}
odoo_port=${MAILMAGNET_TEST_ODOO_PORT:-18069}
venv=$folder/venv
# Our own module, which is tested here too, and one that hides a field, as companies' modules do.
modules=$(cd "$(dirname "$0")/../.." && pwd)/odoo_module
test_modules=$(cd "$(dirname "$0")" && pwd)/odoo_addons

there() { command -v "$1" >/dev/null 2>&1; }

# PostgreSQL refuses root: as root it runs as the user that Debian's package has made.
pg() {
    tool=$(pg_bin)/$1; shift
    if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$tool" "$@"; else "$tool" "$@"; fi
}
pg_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
sql() { pg psql -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U odoo "$@"; }
odoo() { env HOME="$folder/home" PYTHONPATH="$folder/package/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m odoo "$@"; }

machine() {
    lacking=""
    [ -n "$(pg_bin)" ] || lacking="$lacking postgresql"
    /sbin/ldconfig -p | grep -q libmagic.so || lacking="$lacking libmagic1"
    [ -z "$lacking" ] && return
    [ "$(id -u)" = 0 ] && there apt-get || { echo "Missing for a real Odoo: sudo apt-get install$lacking"; exit 1; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >/dev/null
}

package() {
    [ -e "$folder/package/usr/lib/python3/dist-packages/odoo" ] && return
    echo "   Odoo: fetching Debian's package odoo-19 (123 MB)"
    mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
    : >"$folder/apt/status"
    mirror=$(sed -n 's/^URIs: *\(http[^ ]*\/debian\)\/* *$/\1/p; s/^deb \(\[[^]]*\] \)*\(http[^ ]*\/debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} sid main" \
        >"$folder/apt/sources.list"
    cat >"$folder/apt/apt.conf" <<CONF
Dir::State "$folder/apt/state";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt/cache";
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
    (cd "$folder" && APT_CONFIG=apt/apt.conf && export APT_CONFIG && apt-get update -qq && apt-get download -qq odoo-19)
    deb=$(ls -t "$folder"/odoo-19_19.0*.deb | head -1)
    (basename "$deb" && sha256sum <"$deb") | paste -s >"$folder/version"
    dpkg-deb -x "$deb" "$folder/unpacking" && rm -f "$deb"
    mv "$folder/unpacking" "$folder/package"
}

requirements() {
    [ -e "$venv/installed" ] && return
    echo "   Odoo: installing its Python packages"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -qq --disable-pip-version-check -r "$(dirname "$0")/odoo-requirements.txt"
    touch "$venv/installed"
}

# What the prepared database was made of: another state of our modules makes it anew.
made_of() { cat "$folder/version"; find "$modules" "$test_modules" -type f ! -name '*.pyc' -exec sha256sum {} + | sort; }

database() {
    if [ -e "$folder/prepared" ] && [ "$(cat "$folder/prepared")" = "$(made_of)" ]; then return; fi
    echo "   Odoo: making a database with its CRM (about a minute)"
    stop
    rm -rf "$folder/pg" "$folder/data"
    mkdir -p "$folder/data" "$folder/home" "$folder/log"
    mkdir -p "$folder/pg"
    if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder/pg"; fi
    pg initdb -D "$folder/pg" -U odoo --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    conf
    start_pg
    pg createdb -h 127.0.0.1 -p "$pg_port" -U odoo prepared
    odoo -c "$folder/odoo.conf" -d prepared -i crm,mailmagnet,mailmagnet_hidden_fields --without-demo=all --stop-after-init >"$folder/log/init.log" 2>&1 || { tail -40 "$folder/log/init.log"; exit 1; }
    made_of >"$folder/prepared"
}

conf() {
    cat >"$folder/odoo.conf" <<CONF
[options]
db_host = 127.0.0.1
db_port = $pg_port
db_user = odoo
http_interface = 127.0.0.1
http_port = $odoo_port
data_dir = $folder/data
addons_path = $folder/package/usr/lib/python3/dist-packages/odoo/addons,$folder/package/usr/lib/python3/dist-packages/addons,$modules,$test_modules
list_db = False
workers = 0
max_cron_threads = 0
CONF
}

start_pg() {
    pg pg_isready -q -h 127.0.0.1 -p "$pg_port" || pg pg_ctl -D "$folder/pg" -l "$folder/pg/log" -w -s \
        -o "-h 127.0.0.1 -p $pg_port -k '' -c fsync=off -c full_page_writes=off -c synchronous_commit=off" start >/dev/null 2>&1
}

# A fresh world: a copy of the prepared database, filled by odoo shell. The API keys of its users stand in $folder/world.json.
start() {
    stop_odoo
    conf
    start_pg
    sql -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS crm WITH (FORCE)' -c 'CREATE DATABASE crm TEMPLATE prepared'
    odoo shell -c "$folder/odoo.conf" -d crm --no-http --log-level=error <"$1" >"$folder/log/fill.log" 2>&1 || { tail -40 "$folder/log/fill.log"; exit 1; }
    sed -n 's/^WORLD //p' "$folder/log/fill.log" >"$folder/world.json"
    [ -s "$folder/world.json" ] || { tail -40 "$folder/log/fill.log"; exit 1; }
    # exec: the process that is stopped later is Odoo itself, not a shell around it.
    (exec env HOME="$folder/home" PYTHONPATH="$folder/package/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 \
        "$venv/bin/python" -m odoo -c "$folder/odoo.conf" -d crm) >"$folder/log/odoo.log" 2>&1 </dev/null &
    echo $! >"$folder/odoo.pid"
    for _ in $(seq 1 120); do
        curl -sf -o /dev/null "http://127.0.0.1:$odoo_port/web/health" && return
        kill -0 "$(cat "$folder/odoo.pid")" 2>/dev/null || break
        sleep 0.5
    done
    tail -40 "$folder/log/odoo.log"; exit 1
}

stop_odoo() {
    [ -e "$folder/odoo.pid" ] || return 0
    kill "$(cat "$folder/odoo.pid")" 2>/dev/null || :
    for _ in $(seq 1 40); do kill -0 "$(cat "$folder/odoo.pid")" 2>/dev/null || break; sleep 0.25; done
    rm -f "$folder/odoo.pid"
}

stop() {
    stop_odoo
    [ ! -e "$folder/pg/postmaster.pid" ] || pg pg_ctl -D "$folder/pg" -m fast -w -s stop || :
}

mkdir -p "$folder"
case ${1:-} in
install) machine; package; requirements; database; echo "   Odoo: $(cat "$folder/version")" ;;
start) start "$2" ;;
stop) stop ;;
*) echo "odoo.sh install | start FILL.py | stop"; exit 2 ;;
esac
