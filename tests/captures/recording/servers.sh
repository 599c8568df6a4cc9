#!/bin/bash
# Starts the real servers of the recording on private configurations under $1, and waits. Runs as
# the first child of its own process namespace, so all of them end with it.
#
#   192.0.2.10, 2001:db8::10  Postfix 25 587 2525 (STARTTLS), 465 2465 (TLS); Dovecot 143 10143 110
#                             10110 (STARTTLS), 993 10993 995 10995 (TLS), LMTP 24, ManageSieve
#                             4190; vsftpd 21, Redis 6379, sn (NNTP) 119
#   192.0.2.11                Postfix: 25 refuses every client, 587 knows no TLS
#   192.0.2.12                other protocols on mail's ports: vsftpd 25, Redis 110, ngIRCd 143 (and 6667)
#   192.0.2.13                25, 110 and 143 accept and stay silent
#   192.0.2.14, 2001:db8::14  Exim 25 2526 (STARTTLS), 10465 (TLS); takes every message and drops it
#   192.0.2.15, 2001:db8::15  OpenSMTPD 25 2528; keeps every message
set -eu
. "$(dirname "$0")/unpacked.sh"
work=$1
hostname mail.example.net
mkdir -p "$work"/{postfix,spool,data,dovecot,mail,news,ftp,redis,log}
chmod 755 "$work"
chown postfix "$work/data"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
  -subj /CN=mail.example.net -addext "subjectAltName=DNS:mail.example.net,DNS:*.example.net" \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/log/openssl"

start_postfix() {
  cat >"$work/postfix/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/data
myhostname = mail.example.net
mydestination =
inet_interfaces = all
inet_protocols = all
mynetworks = 127.0.0.0/8
maillog_file = $work/log/mail.log
maillog_file_prefixes = $work
smtpd_client_port_logging = yes
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = $work/cert.pem
smtpd_tls_key_file = $work/key.pem
virtual_mailbox_domains = example.net
virtual_mailbox_maps = inline:{ alice@example.net=ok, bob@example.net=ok }
virtual_transport = lmtp:unix:$work/dovecot/lmtp.sock
header_checks = regexp:$work/postfix/header_checks
message_size_limit = 400000
smtpd_sender_restrictions = check_sender_access inline:{ nobody@example.org=REJECT }
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $work/dovecot/auth.sock
smtpd_delay_reject = no
smtpd_junk_command_limit = 1000
smtpd_error_sleep_time = 0
CONF
  echo '/^Subject: forbidden/ REJECT not here' >"$work/postfix/header_checks"
  cat >"$work/postfix/master.cf" <<CONF
192.0.2.10:25      inet n - n - - smtpd
[2001:db8::10]:25  inet n - n - - smtpd
587                inet n - n - - smtpd
2525               inet n - n - - smtpd
465                inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
2465               inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
192.0.2.11:25      inet n - n - - smtpd -o smtpd_client_restrictions=reject
192.0.2.11:2587    inet n - n - - smtpd -o smtpd_tls_security_level=none
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
anvil     unix  - - n - 1 anvil
lmtp      unix  - - n - - lmtp
error     unix  - - n - - error
retry     unix  - - n - - error
tlsmgr    unix  - - n 1000? 1 tlsmgr
proxymap  unix  - - n - - proxymap
postlog   unix-dgram n - n - 1 postlogd
CONF
  postfix -c "$work/postfix" start-fg >"$work/log/postfix" 2>&1 &
}

start_dovecot() {
  cat >"$work/dovecot.conf" <<CONF
base_dir = $work/dovecot
log_path = $work/log/dovecot.log
protocols = imap pop3 lmtp sieve
listen = 192.0.2.10, 2001:db8::10
ssl = yes
ssl_cert = <$work/cert.pem
ssl_key = <$work/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 apop
mail_location = maildir:$work/mail/%n
mail_plugins = zlib
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$work/mail/%n
}
protocol imap {
  mail_plugins = zlib imap_zlib
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imap-odd {
    port = 10143
  }
  inet_listener imaps {
    port = 993
  }
  inet_listener imaps-odd {
    port = 10993
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 110
  }
  inet_listener pop3-odd {
    port = 10110
  }
  inet_listener pop3s {
    port = 995
  }
  inet_listener pop3s-odd {
    port = 10995
    ssl = yes
  }
}
service lmtp {
  unix_listener lmtp.sock {
    mode = 0666
  }
  inet_listener lmtp {
    port = 24
  }
}
service auth {
  unix_listener auth.sock {
    mode = 0666
  }
}
service managesieve-login {
  inet_listener sieve {
    port = 4190
  }
}
CONF
  dovecot -F -c "$work/dovecot.conf" >"$work/log/dovecot" 2>&1 &
}

start_ftp() {
  mkdir -p "$work/ftp/pub" && echo "a file of no interest" >"$work/ftp/pub/readme.txt"
  local at config
  for at in 192.0.2.10:21 192.0.2.12:25; do
    config="$work/ftp-${at#*:}.conf"
    cat >"$config" <<CONF
listen=YES
listen_address=${at%:*}
listen_port=${at#*:}
background=NO
anonymous_enable=YES
anon_root=$work/ftp
seccomp_sandbox=NO
connect_from_port_20=NO
CONF
    vsftpd "$config" >"$work/log/ftp-${at#*:}" 2>&1 &
  done
}

start_redis() {
  local at
  for at in 192.0.2.10:6379 192.0.2.12:110; do
    redis-server --bind "${at%:*}" --port "${at#*:}" --save "" --dir "$work/redis" \
      --protected-mode no >"$work/log/redis-${at#*:}" 2>&1 &
  done
}

start_irc() {
  cat >"$work/ngircd.conf" <<CONF
[Global]
Name = irc.example.net
Info = recording
Listen = 192.0.2.12
Ports = 6667,143
[Options]
Ident = no
DNS = no
PAM = no
CONF
  ngircd -n -f "$work/ngircd.conf" >"$work/log/ngircd" 2>&1 &
}

start_news() {
  chown -R news:news "$work/news"
  SNROOT="$work/news" setpriv --reuid=news --regid=news --clear-groups \
    snnewgroup example.test >"$work/log/sn-setup" 2>&1 </dev/null
  SNROOT="$work/news" socat TCP-LISTEN:119,bind=192.0.2.10,fork,reuseaddr \
    EXEC:"setpriv --reuid=news --regid=news --clear-groups snntpd",nofork \
    >"$work/log/sn" 2>&1 &
}

start_silent() {
  local port
  for port in 25 110 143; do
    socat -u "TCP-LISTEN:$port,bind=192.0.2.13,fork,reuseaddr" OPEN:/dev/null \
      2>"$work/log/silent-$port" &
  done
}

# A first message in each mailbox, so that every group of dialogues can run by itself.
fill_mailboxes() {
  local user
  for user in alice bob; do
    mkdir -p "$work/mail/$user/"{cur,new,tmp}
    printf 'From: alice@example.net\nTo: %s@example.net\nSubject: first\n\nA text.\n' $user \
      >"$work/mail/$user/new/1.first"
  done
  chown -R mail:mail "$work/mail"
}

fill_mailboxes
add_users
start_postfix
start_dovecot
start_ftp
start_redis
start_irc
start_news
start_silent
start_exim
start_opensmtpd
wait
