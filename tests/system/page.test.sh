#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The status page as an agent serves it, in a Chromium: nothing is on its console, and what happens to backends is seen.
# What it does in general is tried without an agent, by tests/browser/page_test.py.
#
#     client --- router: Chromium === http: === lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=60
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
for program in chromium chromedriver; do
    command -v "$program" >/dev/null || {
        echo "skipped: $program is missing; ./scripts/setup --browser installs it"
        exit 77
    }
done
lab_enter "$@"

page=http://10.0.0.11:9660

# get PATH: "STATUS CONTENT-TYPE", and the body in $LAB_DIR/body.
get() {
    on router curl -sS --max-time 20 -o "$LAB_DIR/body" -D "$LAB_DIR/head" -w '%{http_code} %{content_type}' "$page$1"
}

body() {
    jq -er "$1" "$LAB_DIR/body"
}

# seen NAME TEXT: the page has shown it.
seen() {
    grep -qF "seen: $2" "$(log_of "$1")" || {
        ! grep -F FAILED "$(log_of "$1")"
        return 1
    }
}

files() {
    expect_equal "the page" "200 text/html; charset=utf-8" "$(get /)"
    expect "runs nothing but its own files" grep -qi "^content-security-policy: default-src 'none'; script-src 'self'" \
        "$LAB_DIR/head"
    expect_equal "a script" "200 text/javascript; charset=utf-8" "$(get /page/app.js)"
    expect "is the one of this version" cmp "$LAB_DIR/body" userspace/api/page/app.js
    expect_equal "what is not there" "404 text/plain; charset=utf-8" "$(get /page/nothing.js)"
}

data() {
    expect_equal "the page's status" "200 application/json" "$(get /page/status)"
    expect "has no backends" body '.opened == null and (.services | all(has("backends") | not))'
    expect "but how many there are" body '.services[] | select(.name == "web").backend_counts == {"configured": 3, "serving": 3, "leaving": 0}'
    expect_equal "with a service" "200 application/json" "$(get /page/status/web)"
    expect "it has that one's" body '.opened.name == "web" and (.opened.backends | map(.name) == ["be1", "be2", "be3"])'
    get /status.json >/dev/null
    jq -S '[.services[] | select(.name == "web").backends[] | {name, state, slots, share, weight, next_hop}]' \
        "$LAB_DIR/body" >"$LAB_DIR/wanted"
    get /page/status/web >/dev/null
    expect "as the status has them" diff "$LAB_DIR/wanted" \
        <(jq -S '[.opened.backends[] | {name, state, slots, share, weight, next_hop}]' "$LAB_DIR/body")
    expect_equal "one that there is not" "200 application/json" "$(get /page/status/nobody)"
    expect "has none" body '.opened == null'
    expect_equal "a table" "200 application/json" "$(get /page/table/web)"
    expect "has every slot, each with the backend that the status says" \
        body '.step == 1 and (.owners | length) == 65537 and (.owners | group_by(.) | map(length) | sort) == [21845, 21846, 21846]'
    expect_equal "a large one" "200 application/json" "$(get /page/table/x-large)"
    expect "has a part of them" body '.table_size == 655373 and .step == 11 and (.owners | length) == 59580'
    expect_equal "none" "404 text/plain; charset=utf-8" "$(get /page/table/nobody)"
    expect_equal "nothing is changed from here" 405 \
        "$(on router curl -sS -o /dev/null -X POST -w '%{http_code}' "$page/page/status/web")"
}

lab_up
cat >"$LAB_DIR/lb.yaml" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 10.0.0.11:9660
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    health: {check: http, path: /, interval: 1s, timeout: 900ms, rise: 1, fall: 3}
	    backends:
	      - {name: be1, address: 10.0.0.101}
	      - {name: be2, address: 10.0.0.102}
	      - {name: be3, address: 10.0.0.103}
	  - {name: x-large, listen: ["192.0.2.10:81/tcp"], table_size: 655373, backends: [10.0.0.101]}
END
start_backends be1 be2 be3
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
files
await "all to be up" is up be1 be2 be3
data
start overview router tests/browser/live.py "$page/" "main=3 of 3" "main=33.3 % each" \
    ".changes=web: be1 is down" ".changes=web: be1 is up" ".changes=web: be2 is draining (by hand)"
start service router tests/browser/live.py "$page/#/service/web/10.0.0.101" "tr.details=02:00:0a:00:00:65" \
    ".owners=Each point is a slot" ".changes=web: be1 is down" "tr.details=Down for" ".changes=web: be1 is up"
start changes router tests/browser/live.py "$page/#/changes" "main=The agent has started" \
    "main=web be1 (10.0.0.101) is down, after" "main=web be2 (10.0.0.102) is drained"
await "the overview to be there" seen overview "33.3 % each"
await "the service to be there" seen service "Each point is a slot"
suspend be1
expect_soon "a backend that goes down is seen on the overview" seen overview "web: be1 is down"
expect_soon "and in its service" seen service "Down for"
resume be1
expect_soon "and its return" seen overview "web: be1 is up"
expect "a drain" guideway drain be2
expect_soon "is seen, too" seen overview "web: be2 is draining (by hand)"
expect_soon "and so is the balancer's own event" seen changes "web be2 (10.0.0.102) is drained"
expect_soon "nothing was on the console" grep -qx 'console: nothing' "$(log_of overview)"
expect_soon "nor here" grep -qx 'console: nothing' "$(log_of service)"
