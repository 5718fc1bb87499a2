#!/usr/bin/env bash
# Imports a file into an address list, and writes the records that were rejected to
# rejected.csv. The exit code is that of the import: 3 if some records were rejected.
#
#     sluice serve                     # in another terminal
#     ./partners.sh partners.csv
set -euo pipefail

code=0
json=$(sluice import "$1" --to address-list/partners --create --json) || code=$?
if [ $code != 0 ] && [ $code != 3 ]; then
	exit $code # the import prints what is wrong
fi

# With jq it would be: jq -r .id <<<"$json"
job=$(sed 's/^{"id":"\([^"]*\)".*/\1/' <<<"$json")
sed 's/.*"imported":\([0-9]*\),"rejected":\([0-9]*\).*/\1 imported, \2 rejected/' <<<"$json"
if [ $code = 3 ]; then
	sluice report "$job" -o rejected.csv
	echo "rejected.csv has the rejected records"
fi
exit $code
