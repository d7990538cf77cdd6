#!/usr/bin/env bash
# Runs the program as the inputs of the action say. Its exit code is that of the step.
set -uo pipefail

refuse() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

case "$SLUICEGATE_COMMAND" in
    check | gate) ;;
    *) refuse "the command is \`$SLUICEGATE_COMMAND\`; write \`check\` or \`gate\`" ;;
esac

# Each line that is not blank is one argument; no shell looks into it.
arguments=()
add_lines() {
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        line="${line%$'\r'}"
        [[ "$line" =~ ^[[:space:]]*$ ]] || arguments+=("$line")
    done <<<"$1"
}
add_lines "${SLUICEGATE_DATA:-}"
arguments+=(--rules "$SLUICEGATE_RULES")
add_lines "${SLUICEGATE_ARGS:-}"

report="${SLUICEGATE_REPORT:-sluicegate-report.json}"
stem="${report%.json}"
rm -f "$report" "$stem.html" "$stem.sarif"
arguments+=(--report "json=$report" --report "html=$stem.html" --report "sarif=$stem.sarif")

"$SLUICEGATE_INTO/bin/sluicegate" "$SLUICEGATE_COMMAND" "${arguments[@]}"
code=$?

output="${GITHUB_OUTPUT:-/dev/null}"
here="$PWD"
printf 'exit-code=%s\n' "$code" >>"$output"
if [ -s "$report" ]; then
    # The verdict stands on a line of its own, among the first of the report.
    verdict="$(sed -n 's/^  "verdict": "\([a-z]*\)",*$/\1/p' "$report" | head -n 1)"
    [[ "$report" = /* ]] || report="$here/$report"
    printf 'verdict=%s\nreport=%s\n' "$verdict" "$report" >>"$output"
fi
if [ -s "$stem.sarif" ]; then
    [[ "$stem" = /* ]] || stem="$here/$stem"
    printf 'sarif=%s\n' "$stem.sarif" >>"$output"
fi
exit "$code"
