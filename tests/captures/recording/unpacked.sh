# Servers whose packages are unpacked, not installed. Sourced by servers.sh, which sets $work.

# The users that unpacked packages have built in; only this namespace sees them.
add_users() {
  local user
  cp /etc/passwd "$work/passwd"
  cp /etc/group "$work/group"
  for user in Debian-exim opensmtpd opensmtpq; do
    echo "$user:x:$(id -u mail):$(id -g mail)::/nonexistent:/bin/false" >>"$work/passwd"
    echo "$user:x:$(id -g mail):" >>"$work/group"
  done
  mount --bind "$work/passwd" /etc/passwd
  mount --bind "$work/group" /etc/group
}

# What it refuses, and when, stands in the addresses and the subject.
start_exim() {
  mkdir -p "$work/exim"
  chown -R mail:mail "$work/exim"
  cat >"$work/exim.conf" <<CONF
primary_hostname = exim.example.net
exim_user = mail
exim_group = mail
spool_directory = $work/exim
log_file_path = $work/exim/%slog
log_selector = +incoming_port +smtp_no_mail
daemon_smtp_ports = 25 : 2526 : 10465
tls_on_connect_ports = 10465
local_interfaces = <; 192.0.2.14 ; 2001:db8::14
tls_advertise_hosts = *
tls_certificate = $work/cert.pem
tls_privatekey = $work/exim-key.pem
host_lookup =
rfc1413_hosts =
smtp_enforce_sync = false
smtp_accept_max_nonmail = 100
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_predata = predata
acl_smtp_data = data
begin acl
mail:
  defer senders = later@example.org
  deny senders = never@example.org
  accept
rcpt:
  defer local_parts = later
  deny local_parts = never
  accept domains = example.net
  deny
predata:
  defer senders = predata-later@example.org
  deny senders = predata-never@example.org
  accept
data:
  defer condition = \${if match{\$h_subject:}{later}}
  deny condition = \${if match{\$h_subject:}{never}}
  accept
begin routers
all:
  driver = redirect
  data = :blackhole:
CONF
  cp "$work/key.pem" "$work/exim-key.pem"
  chown mail "$work/exim-key.pem"
  "$work/packages/usr/sbin/exim4" -C "$work/exim.conf" -bdf >"$work/log/exim" 2>&1 &
}

# What it refuses, and when, stands in the addresses. Its log lacks the client's port, so a filter
# writes its reports down (smtpd-filters(7)). No TLS: that of Debian 12 finds no private key with
# OpenSSL 3.
start_opensmtpd() {
  local folder="$work/opensmtpd" at
  mkdir -p "$folder"
  touch "$folder/events"
  chown mail "$folder/events"
  cat >"$folder/events.sh" <<SCRIPT
#!/bin/sh
while read -r line && [ "\$line" != "config|ready" ]; do :; done
echo "register|report|smtp-in|link-connect"
echo "register|report|smtp-in|tx-commit"
echo "register|ready"
exec cat >>"$folder/events"
SCRIPT
  chmod 755 "$folder/events.sh"
  cat >"$folder/smtpd.conf" <<CONF
smtp max-message-size 40000
filter "later" phase mail-from match mail-from { "later@example.org" } reject "451 later"
filter "gone" phase mail-from match mail-from { "gone@example.org" } disconnect "421 gone"
filter "not-now" phase rcpt-to match rcpt-to { "later@example.net" } reject "450 later"
filter "data" phase data match mail-from { "data@example.org" } reject "554 never"
filter "text" phase commit match mail-from { "text@example.org" } reject "451 later"
filter "events" proc-exec "$folder/events.sh" user mail
filter "all" chain { "later", "gone", "not-now", "data", "text", "events" }
$(for at in "192.0.2.15 port 25" "192.0.2.15 port 2528" "2001:db8::15 port 25" \
    "2001:db8::15 port 2528"; do
  echo "listen on $at hostname opensmtpd.example.net filter all"
done)
table known { "alice@example.net", "bob@example.net" }
action keep mda "cat" virtual { "@" = mail }
match from any mail-from "never@example.org" for any reject
match from any for rcpt-to <known> action keep
CONF
  # Its folders are built in too: it gets a /var of its own. Nothing is delivered (-P mda).
  unshare --mount bash -euc 'mount -t tmpfs -o mode=755 none /var
    mkdir -p /var/lib/opensmtpd/empty /var/spool
    ln -s /run /var/run
    exec "$@"' - "$work/packages/usr/sbin/smtpd" -dv -P mda -f "$folder/smtpd.conf" \
    >"$work/log/opensmtpd" 2>&1 &
}
