#!/bin/sh
# A real Odoo 19 below one folder that can be deleted: "install" once, "start" one of a name, "stop" it. Debian's signed package, run from a
# venv on a PostgreSQL of its own. Nothing of it is part of MailMagnet: the tests and the demo speak to it over HTTP, as to anybody's Odoo.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$root/.servers/odoo
pg_port=${ODOO_PG_PORT:-54329}
venv=$folder/venv
# Our own module, which is tested here too, and one that hides fields, as companies' modules do.
modules=$root/odoo_module
test_modules=$here/addons

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
    [ -e "$folder/package/usr/share/javascript/jquery" ] && return
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
    rm -rf "$folder/package" "$folder/unpacking" "$folder"/*.deb
    # What its own web page is drawn with are Debian packages of their own, which it links to.
    (cd "$folder" && APT_CONFIG=apt/apt.conf && export APT_CONFIG && apt-get update -qq && apt-get download -qq odoo-19 \
        libjs-jquery libjs-jquery-form libjs-underscore fonts-font-awesome fonts-roboto-unhinted)
    deb=$(ls -t "$folder"/odoo-19_19.0*.deb | head -1)
    (basename "$deb" && sha256sum <"$deb") | paste -s >"$folder/version"
    for each in "$folder"/*.deb; do dpkg-deb -x "$each" "$folder/unpacking"; done
    rm -f "$folder"/*.deb
    mv "$folder/unpacking" "$folder/package"
}

requirements() {
    [ -e "$venv/installed" ] && return
    echo "   Odoo: installing its Python packages"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -qq --disable-pip-version-check --require-hashes -r "$here/requirements.lock"
    touch "$venv/installed"
}

# What the prepared database was made of: another state of our modules makes it anew.
made_of() { cat "$folder/version"; find "$modules" "$test_modules" -type f ! -name '*.pyc' -exec sha256sum {} + | sort; }

database() {
    if [ -e "$folder/prepared" ] && [ "$(cat "$folder/prepared")" = "$(made_of)" ]; then return; fi
    echo "   Odoo: making a database with its CRM (about a minute)"
    for running in "$folder"/*.pid; do [ ! -e "$running" ] || stop "$(basename "$running" .pid)"; done
    stop_pg
    rm -rf "$folder/pg" "$folder/data" "$folder"/*.filled
    mkdir -p "$folder/data" "$folder/home" "$folder/log"
    mkdir -p "$folder/pg"
    if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder/pg"; fi
    pg initdb -D "$folder/pg" -U odoo --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    conf prepared 0
    start_pg
    pg createdb -h 127.0.0.1 -p "$pg_port" -U odoo prepared
    odoo -c "$folder/prepared.conf" -d prepared -i crm,mailmagnet,mailmagnet_hidden_fields --without-demo=all --stop-after-init >"$folder/log/init.log" 2>&1 || { tail -40 "$folder/log/init.log"; exit 1; }
    stop_pg
    made_of >"$folder/prepared"
}

# The configuration of the Odoo of a name, at a port.
conf() {
    cat >"$folder/$1.conf" <<CONF
[options]
db_host = 127.0.0.1
db_port = $pg_port
db_user = odoo
http_interface = 127.0.0.1
http_port = $2
gevent_port = 0
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

stop_pg() { [ ! -e "$folder/pg/postmaster.pid" ] || pg pg_ctl -D "$folder/pg" -m fast -w -s stop || :; }

# A copy of a database that no Odoo is connected to, in place of one that was there.
copy_of() {
    sql -d postgres -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS \"$2\" WITH (FORCE)" \
        -c "CREATE DATABASE \"$2\" TEMPLATE \"$1\""
}

# The prepared database, filled by odoo shell, and kept for the day: API keys end, and the demo's deals are dated around today. What the
# filling tells stands in $folder/NAME.json.
filled() {
    made_now=$({ cat "$1" "$folder/prepared"; date +%F; } | sha256sum)
    if [ -e "$folder/$2.filled" ] && [ "$(cat "$folder/$2.filled")" = "$made_now" ]; then return; fi
    rm -f "$folder/$2.filled"
    copy_of prepared "$2-filled"
    odoo shell -c "$folder/$2.conf" -d "$2-filled" --no-http --log-level=error <"$1" >"$folder/log/$2-fill.log" 2>&1 || fail "$2-fill"
    sed -n 's/^WORLD //p' "$folder/log/$2-fill.log" >"$folder/$2.json"
    [ -s "$folder/$2.json" ] || fail "$2-fill"
    echo "$made_now" >"$folder/$2.filled"
}

# A fresh world each time.
start() {
    stop_odoo "$2"
    conf "$2" "$3"
    start_pg
    filled "$1" "$2"
    copy_of "$2-filled" "$2"
    # exec: the process that is stopped later is Odoo itself, not a shell around it.
    (exec env HOME="$folder/home" PYTHONPATH="$folder/package/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 \
        "$venv/bin/python" -m odoo -c "$folder/$2.conf" -d "$2") >"$folder/log/$2.log" 2>&1 </dev/null &
    echo $! >"$folder/$2.pid"
    for _ in $(seq 1 120); do
        if curl -sf -o /dev/null "http://127.0.0.1:$3/web/health"; then return; fi
        kill -0 "$(cat "$folder/$2.pid")" 2>/dev/null || break
        sleep 0.5
    done
    fail "$2"
}

fail() { tail -40 "$folder/log/$1.log"; exit 1; }

stop_odoo() {
    [ -e "$folder/$1.pid" ] || return 0
    kill "$(cat "$folder/$1.pid")" 2>/dev/null || :
    for _ in $(seq 1 40); do kill -0 "$(cat "$folder/$1.pid")" 2>/dev/null || break; sleep 0.25; done
    rm -f "$folder/$1.pid"
}

# PostgreSQL ends with the last Odoo.
stop() {
    stop_odoo "$1"
    for running in "$folder"/*.pid; do [ ! -e "$running" ] || return 0; done
    stop_pg
}

mkdir -p "$folder"
case ${1:-} in
install) machine; package; requirements; database; echo "   Odoo: $(cat "$folder/version")" ;;
start) start "$2" "$3" "$4" ;;
stop) stop "$2" ;;
*) echo "odoo.sh install | start FILL.py NAME PORT | stop NAME"; exit 2 ;;
esac
