# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Servers that behave badly, and what is to be said of them; the prober, and what it judged. Sourced after guideway.sh.

PROBER=$(dirname "$GUIDEWAY")/tests/system/prober

# --- servers that behave badly ---------------------------------------------------------------------------------------

probe_timeout=400ms
behaviours=(never-answers trickles endless closes-in-header resets redirects garbage expired wrong-name fails well refuses)
declare -A whys=()

# set_whys: why each behaviour is bad, as said of it; after probe_timeout is known.
set_whys() {
    # shellcheck disable=SC2034 # for who sources this
    whys=(
        [never-answers]="application down: no answer within $probe_timeout"
        [trickles]="application down: no answer within $probe_timeout"
        [endless]="application down: answered 200 without the expected text"
        [closes-in-header]="application down: closed the connection before the answer's header was complete"
        [resets]="application down: receive the answer: Connection reset by peer"
        [redirects]="application down: answered 302"
        [garbage]="application down: answer: bad version"
        [expired]="application down: certificate: certificate has expired"
        [wrong-name]="application down: certificate: hostname mismatch"
        [fails]="application down: answered 503"
        [refuses]="application down: connect: Connection refused"
    )
}

# start_faulty be1...: with a port for each behaviour, until all serve; what the certificates are checked by is in
# $LAB_DIR/authorities.pem.
start_faulty() {
    local host
    for host; do
        start "$host-faulty" "$host" "$LAB_ROOT/tests/system/faulty.py" "$LAB_DIR/$host-faulty"
    done
    for host; do
        await "$host to serve badly" behaves "$host" badly
    done
    cat "$LAB_DIR"/be*-faulty/*.pem >"$LAB_DIR/authorities.pem"
}

# turn be1 well|badly
turn() {
    local signal=USR1
    [[ $2 == well ]] || signal=USR2
    kill -"$signal" "$(pid_of "$1-faulty")"
    await "$1 to serve $2" behaves "$1" "$2"
}

behaves() {
    [[ $(tail -n 1 "$(log_of "$1-faulty")") == "serving $2" ]]
}

# config_of_behaviours HEALTH BACKENDS: a service for each behaviour.
config_of_behaviours() {
    local behaviour check port=8001
    for behaviour in "${behaviours[@]}"; do
        case $behaviour in
        refuses) check="check: tcp" ;;
        expired | wrong-name) check="check: https, tls_verify: true, host: www.example.com, ca_file: $LAB_DIR/authorities.pem" ;;
        well) check="check: https, tls_verify: true, sni: www.example.com, ca_file: $LAB_DIR/authorities.pem, expect_body: ok" ;;
        *) check="check: http, expect_body: ok" ;;
        esac
        cat <<-END
	  - name: $behaviour
	    listen: ["192.0.2.10:$port/tcp"]
	    health: {$check, timeout: $probe_timeout, $1}
	    backends: [$2]
	END
        ((++port))
    done
}

# --- the prober ------------------------------------------------------------------------------------------------------

start_prober() {
    start prober lb1 "$PROBER" -c "$1"
}

# latest SERVICE: what was last said of its backend: "up", or "down: why".
latest() {
    sed -n "s/.* $1: [^ ]* is \(up\|down\)/\1/p" "$(log_of prober)" | tail -n 1
}

# all_are PATTERN SERVICE...: the latest judgement of each begins so.
all_are() {
    local pattern=$1 service
    shift
    for service; do
        [[ $(latest "$service") == "$pattern"* ]] || return 1
    done
}

# show_judgements SERVICE...
show_judgements() {
    local service
    for service; do
        echo "    $service: $(latest "$service")"
    done
}

# counts FILTER: of the prober's counts, as they are now.
counts() {
    local before
    before=$(grep -c counts: "$(log_of prober)" || true)
    kill -USR1 "$(pid_of prober)"
    await "the prober's counts" more_counts_than "$before"
    sed -n 's/.*counts: //p' "$(log_of prober)" | tail -n 1 | jq -er "$1"
}

more_counts_than() {
    (($(grep -c counts: "$(log_of prober)") > $1))
}
