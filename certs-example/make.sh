#!/bin/sh
# Makes one certificate of each kind with openssl in a temporary folder, verifies each, and removes the folder.
# Usage: certs-example/make.sh [FOLDER]     with FOLDER, what was made is kept there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
config=$here/openssl.cnf
umask 077

if [ $# -gt 0 ]; then
    out=$1
    mkdir -p "$out"
else
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
export CA_DIR="$out"

new_key() { # FILE
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

make_authority() {
    new_key "$out/ca.key"
    openssl req -new -x509 -config "$config" -extensions authority -key "$out/ca.key" \
        -subj "/CN=Example CA" -days 365 -out "$out/ca.pem"
    : > "$out/index.txt"
    echo 01 > "$out/crlnumber"
}

issue() { # KIND COMMON-NAME: the section of openssl.cnf and the file's name are the kind
    new_key "$out/$1.key"
    openssl req -new -config "$config" -key "$out/$1.key" -subj "/CN=$2" -out "$out/$1.csr"
    openssl x509 -req -in "$out/$1.csr" -CA "$out/ca.pem" -CAkey "$out/ca.key" -extfile "$config" -extensions "$1" \
        -set_serial "0x4$(openssl rand -hex 15)0" -days 90 -out "$out/$1.pem" 2>/dev/null
    rm "$out/$1.csr"
}

verify() { # KIND PURPOSE
    openssl verify -CAfile "$out/ca.pem" -CRLfile "$out/crl.pem" -crl_check -x509_strict -purpose "$2" "$out/$1.pem"
}

write_list() {
    openssl ca -config "$config" -gencrl -out "$out/crl.pem" 2>/dev/null
}

make_authority
issue laptop "alice's laptop"
issue device "kiosk"
issue service "reports"
issue smartcard "Alice Nguyen"
issue server "payroll.example.org"
write_list

for kind in laptop device service smartcard; do
    verify "$kind" sslclient
done
verify server sslserver
if verify server sslclient >/dev/null 2>&1; then
    echo "error: the server certificate passes for a client's" >&2
    exit 1
fi

# A browser imports the laptop's certificate and key from one file. The password protects it on the way only.
openssl pkcs12 -export -inkey "$out/laptop.key" -in "$out/laptop.pem" -certfile "$out/ca.pem" \
    -name "alice's laptop" -passout pass:example -out "$out/laptop.p12"
openssl pkcs12 -in "$out/laptop.p12" -passin pass:example -noout

# Revoked, the kiosk's certificate no longer verifies; the others still do.
openssl ca -config "$config" -revoke "$out/device.pem" -crl_reason keyCompromise 2>/dev/null
write_list
if verify device sslclient >/dev/null 2>&1; then
    echo "error: the revoked certificate still verifies" >&2
    exit 1
fi
verify laptop sslclient >/dev/null
echo "revoked: $out/device.pem"
