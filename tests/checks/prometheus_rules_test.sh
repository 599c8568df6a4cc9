#!/bin/sh
# conf/prometheus-rules.yml is well-formed, each alert raises when it should, and every metric
# in it is one that mailtap has.
#
# usage: prometheus_rules_test.sh SOURCE_FOLDER
set -eu
root=$1
if ! command -v promtool >/dev/null; then
  echo "promtool is not installed"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cp "$root/conf/prometheus-rules.yml" "$root/conf/prometheus.yml" \
  "$root/tests/checks/prometheus_rules_test.yml" "$folder"
promtool check config "$folder/prometheus.yml"
(cd "$folder" && promtool test rules prometheus_rules_test.yml)

status=0
for metric in $(grep -o 'mailtap_[a-z_]*' "$folder/prometheus-rules.yml" | sort -u); do
  # A summary's series have these endings; its family has not.
  family=${metric%_sum}
  family=${family%_count}
  if ! grep -rqF "\"$family\"" "$root/lib/export"; then
    echo "mailtap has no metric $metric"
    status=1
  fi
done
exit "$status"
