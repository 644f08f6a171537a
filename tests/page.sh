# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Follows pages of the documentation as a reader does. Sourced after scripts/lab.

page_substitutes=() # sed's -e EXPRESSION...: what differs here from what the pages have

# block PAGE SECTION N: the N-th block of that section.
block() {
    local text
    text=$(awk -v section="## $2" -v wanted="$3" '
        /^```/ { inside = !inside; count += inside && here; next }
        !inside && /^## / { here = $0 == section }
        inside && here && count == wanted' "$LAB_ROOT/$1")
    [[ $text ]] || fail "$1 has no block $3 in its section $2"
    sed "${page_substitutes[@]}" -e '' <<<"$text"
}

# write_file FILE PAGE SECTION N
write_file() {
    block "${@:2}" >"$1.written"
    mv "$1.written" "$1"
    echo "ok: $1 is what $2 has in its section $3"
}

# follow PAGE SECTION N: a line after the other, each of which must succeed.
follow() {
    local line
    while read -r -u 3 line; do
        echo "# $line"
        follow_line "$line" </dev/null 2>&1 || fail "$1, $2: '$line' ends with status $?"
    done 3< <(block "$@")
}

follow_line() {
    bash -c "$1"
}
