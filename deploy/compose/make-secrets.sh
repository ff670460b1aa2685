#!/bin/sh
# Makes the secrets of the Compose deployments: passwords, keys and the database's certificate, all at random.
#
#   make-secrets.sh [--certificate-for NAME] [FOLDER]        FOLDER: secrets, beside this script
#
# What is there already stays as it is, so it may run again. To replace a secret, delete its file and run it again; then
# run the migration and start what reads it anew (`retail-mcp keys rotate` replaces the identity key without a stop).
# --certificate-for makes FOLDER/tls for the reverse proxy as well, with a certificate that nobody trusts: for a trial.
#
# Outside of Swarm, Compose binds these files into containers with the owner and the mode that they have here. So each
# belongs to the numeric user that reads it: 10001 is retail-mcp, 999 PostgreSQL and Redis, 472 Grafana, 101 nginx. Who
# is not root has a container give them their owners: it needs docker or podman then.
set -eu
umask 077

fail() { echo "make-secrets.sh: $*" >&2; exit 1; }

here="$(cd "$(dirname "$0")" && pwd)"
folder="$here/secrets"
name=''
while [ $# -gt 0 ]; do
    case "$1" in
        --certificate-for) [ $# -ge 2 ] || fail "--certificate-for needs a name"; name="$2"; shift 2 ;;
        -*) fail "unknown option $1" ;;
        *) folder="$1"; shift ;;
    esac
done
command -v openssl > /dev/null || fail "openssl is missing: install it"
mkdir -p "$folder"
chmod 700 "$folder"
folder="$(cd "$folder" && pwd)"
work="$(mktemp -d "$folder/.new.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Lines of: file, owner, mode.
owners="$work/owners"
: > "$owners"

# A file that was made: its place, its owner, its mode.
made() {
    printf '%s %s %s\n' "$1" "$2" "$3" >> "$owners"
    echo "made $1"
}

# A secret of so many random bytes, in hexadecimal.
secret() {
    [ -e "$folder/$1" ] && return
    openssl rand -hex "$2" > "$work/$1"
    made "$1" "$3" "$4"
}

# A private key on P-256 with a request for a certificate of this subject.
key_and_request() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$work/$2" -out "$work/request" 2> "$work/openssl.log" || fail "$(cat "$work/openssl.log")"
}

# Signs the last request for these names. The options say who signs.
certify() {
    names="$1" file="$2" days="$3"; shift 3
    printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n' "$names" \
        > "$work/extensions"
    openssl x509 -req -in "$work/request" -out "$work/$file" -days "$days" -sha256 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile "$work/extensions" "$@" 2> "$work/openssl.log" ||
        fail "$(cat "$work/openssl.log")"
}

for file in query-password head-office-password service-password; do
    secret "$file" 24 10001:10001 400
done
for file in identity-key dev-token-key; do
    secret "$file" 32 10001:10001 400
done
# What the other side has to read too.
secret admin-password 24 10001:999 440
secret redis-password 24 10001:999 440
secret grafana-password 24 472:472 400

# Redis gets a hash of the password, and allows its holder what retail-mcp does there.
if [ ! -e "$folder/redis-users.acl" ]; then
    password_file="$work/redis-password"
    [ -e "$password_file" ] || password_file="$folder/redis-password"
    password="$(cat "$password_file")" || fail "redis-users.acl is made of redis-password: delete that, too"
    hash="$(printf '%s' "$password" | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
    echo "user default on #$hash ~retail-mcp:* -@all +@connection -@dangerous +info +getrange +set" \
        > "$work/redis-users.acl"
    made redis-users.acl 999:999 400
fi

# The database's certificate, and an authority that signs this one and is gone then. Ten years: a restart alone would
# make PostgreSQL take another one.
if [ ! -e "$folder/database-ca.pem" ] || [ ! -e "$folder/database-certificate.pem" ] ||
    [ ! -e "$folder/database-key.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 \
        -subj "/CN=retail-mcp database authority" -addext keyUsage=critical,keyCertSign \
        -keyout "$work/authority-key" -out "$work/database-ca.pem" 2> "$work/openssl.log" ||
        fail "$(cat "$work/openssl.log")"
    key_and_request postgres database-key.pem
    certify DNS:postgres,DNS:localhost,IP:127.0.0.1 database-certificate.pem 3650 \
        -CA "$work/database-ca.pem" -CAkey "$work/authority-key"
    made database-ca.pem 10001:10001 444
    made database-certificate.pem 999:999 444
    made database-key.pem 999:999 400
fi

if [ -n "$name" ] && [ ! -e "$folder/tls" ]; then
    key_and_request "$name" key.pem
    certify "DNS:$name" certificate.pem 90 -signkey "$work/key.pem"
    mkdir -m 755 "$work/tls"
    mv "$work/key.pem" "$work/certificate.pem" "$work/tls/"
    made tls/key.pem 101:101 400
    made tls/certificate.pem 101:101 444
fi

[ -s "$owners" ] || { echo "all secrets are in $folder"; exit 0; }

# Given to those who read them, by root, or by the root of a container that has no network and sees these files alone.
# shellcheck disable=SC2016 # The variables are those of the shell that runs it.
give='while read -r file owner mode; do
    chmod "$mode" "$0/$file" && chown "$owner" "$0/$file" || exit 1
done < "$0/owners"'
if [ "$(id -u)" -eq 0 ]; then
    sh -c "$give" "$work" || fail "the files could not be given to those who read them"
else
    engine="$(command -v docker || command -v podman)" ||
        fail "there is neither docker nor podman to give the files to those who read them: run it as root"
    "$engine" run --rm --network none --user 0:0 --volume "$work:/new" --entrypoint sh \
        "${POSTGRES_IMAGE:-docker.io/pgvector/pgvector:pg17}" -c "$give" /new ||
        fail "the files could not be given to those who read them"
fi
# Each appears when it is complete.
while read -r file _; do
    case "$file" in
        tls/*) ;;
        *) mv -f "$work/$file" "$folder/$file" ;;
    esac
done < "$owners"
[ ! -d "$work/tls" ] || mv "$work/tls" "$folder/tls"
echo "all secrets are in $folder"
