#include "lib/classify/pattern_table.h"

namespace mailtap::classify {
namespace {

using enum Protocol;
using enum Side;
using enum Strength;

// Repetitions are not bounded: a text is 192 bytes at most, and counting makes Hyperscan's
// automata three times as slow.
// clang-format off
constexpr Pattern kPatterns[] = {
  // SMTP, server
  {kSmtp, kServer, kProof, R"(^220[- ].*\b(e?smtp|postfix|exim|sendmail|mailer))", "220 |220-",
   "an FTP banner that boasts of mail", "RFC 5321, 3.1 and 4.3.1"},
  {kSmtp, kServer, kHint, R"(^220[- \r\n])", "", "FTP, Telnet gateways", "RFC 5321, 4.2"},
  {kSmtp, kServer, kHint, R"(^421[- ])", "421 |421-", "FTP's 421", "RFC 5321, 3.8"},
  {kSmtp, kServer, kPair, R"(^(521|554)[- ])", "554 |554-", "", "RFC 5321, 3.1; RFC 7504, 3"},
  {kSmtp, kServer, kHint, R"(^(211|214|22[01]|235|25[0-3]|334|354|421|432|45[0-59]|50[0134]|521|530|53[4-8]|55[0-9])[- ])", "",
   "FTP and NNTP share some", "RFC 5321, 4.2.3; RFC 4954, 6; RFC 7504"},
  {kSmtp, kServer, kProof,
   R"(^250-.*\n250[- ](size|pipelining|8bitmime|starttls|auth|dsn|chunking|smtputf8|enhancedstatuscodes|etrn|vrfy|expn|help))",
   "250-", "", "RFC 5321, 4.1.1.1"},
  {kSmtp, kServer, kProof,
   R"(^(([45][0-9][0-9]|2[013-9][0-9]|22[1-9])[- ][245]\.[0-9]{1,3}\.[0-9]{1,3}|220[- ]2\.[07]\.0)[ \r\n])",
   "250 |354 ", "a version in a greeting, which has no such code", "RFC 2034, enhanced status codes; of 220 in STARTTLS's answer alone"},
  // SMTP, client
  {kSmtp, kClient, kOpener, R"(^(ehlo|helo)[ \r\n])", "EHLO|HELO", "", "RFC 5321, 4.1.1.1"},
  {kSmtp, kClient, kProof, R"(^mail from ?: ?<)", "MAIL", "", "RFC 5321, 4.1.1.2"},
  {kSmtp, kClient, kHint, R"(^mail from ?:)", "", "a line of prose", "RFC 5321, 4.1.1.2, lenient"},
  {kSmtp, kClient, kProof, R"(^rcpt to ?:)", "RCPT", "", "RFC 5321, 4.1.1.3"},
  {kSmtp, kClient, kProof, R"(^bdat [0-9])", "", "", "RFC 3030, 2"},
  {kSmtp, kClient, kHint, R"(^(quit|rset|noop|help|data|auth|vrfy|expn|starttls)[ \r\n])", "QUIT|RSET|NOOP|HELP|AUTH|VRFY|EXPN",
   "POP3, FTP, NNTP and ManageSieve share some", "RFC 5321, 4.1.1; RFC 3207"},
  // LMTP: not mail submission, told apart by its greeting command
  {kLmtp, kClient, kProof, R"(^lhlo[ \r\n])", "LHLO", "", "RFC 2033, 4.1"},
  {kLmtp, kServer, kProof, R"(^220[- ].*\blmtp\.?[^a-z0-9.-])", "", "SMTP on a host named lmtp", "RFC 2033, 4.1"},

  // IMAP, server
  {kImap, kServer, kOpener, R"(^\* (ok|preauth|bye)[ \r\n])", "* OK|* PR|* BY", "lists in prose", "RFC 9051, 7.1"},
  {kImap, kServer, kProof,
   R"(^\* ((ok|no|bad|bye) \[|capability [^\r\n]*imap4|(x?list|lsub|esearch|flags|thread) \(|(search|sort)( [0-9]|\r?\n)|status [^\r\n]+ \(|(namespace|id) (\(|nil)|vanished (\(|[0-9])|[0-9]{1,10} ((exists|recent|expunge)\r?\n|fetch \()))",
   "", "", "RFC 9051, 7; RFC 5256, 4; RFC 7162, 3.2.10"},
  {kImap, kServer, kHint,
   R"(^\* (capability|list|lsub|search|esearch|flags|status|namespace|id|vanished|enabled|no|bad|[0-9]{1,10} (exists|recent|expunge|fetch))[ \r\n])",
   "", "lists in prose", "RFC 9051, 7"},
  {kImap, kServer, kHint, R"(^[!-)+-~]+ (ok|no|bad)[ \r\n])", "", "", "RFC 9051, 7.1"},
  {kImap, kServer, kHint, R"(^\+[ \r\n])", "", "POP3's continuation", "RFC 9051, 7.5"},
  // IMAP, client
  {kImap, kClient, kProof,
   R"(^[!-)+-9;-z|-~]+ (login ([^ \r\n]+ |\{)|(capability|starttls|logout|noop|namespace|idle|check|close|unselect|expunge) *[\r\n]|(authenticate|select|examine|create|delete|rename|subscribe|unsubscribe|list|lsub|status|append|enable|search|fetch|store|copy|move|uid|id|compress) ))",
   "", "POP3's and SMTP's AUTH LOGIN; HTTP's Connection: close", "RFC 9051, 6",
   "CAPA|LOGI|AUTH|STAR|LOGO|NOOP|SELE|EXAM|CREA|DELE|RENA|SUBS|UNSU|LIST|LSUB|NAME|STAT|APPE|"
   "IDLE|ENAB|CHEC|CLOS|UNSE|EXPU|SEAR|FETC|STOR|COPY|MOVE|UID |ID (|ID N|COMP"},
  {kImap, kClient, kHint, R"(^done\r?\n)", "", "", "RFC 2177"},

  // POP3, server
  {kPop3, kServer, kProof, R"(^\+ok .*(pop|<[^>\r\n]+@[^>\r\n]+>))", "+OK ", "",
   "RFC 1939, 4 and 7 (APOP stamp)"},
  {kPop3, kServer, kProof,
   R"(^\+ok[^\n]*\n(top|user|uidl|stls|sasl|resp-codes|pipelining|expire|implementation|login-delay|utf8|lang)[ \r\n])",
   "", "", "RFC 2449, 6"},
  {kPop3, kServer, kHint, R"(^\+ok[ \r\n])", "+OK\r", "Redis answers +OK", "RFC 1939, 3"},
  {kPop3, kServer, kHint, R"(^-err[ \r\n])", "-ERR", "Redis answers -ERR", "RFC 1939, 3"},
  {kPop3, kServer, kHint, R"(^\+ )", "", "IMAP's continuation", "RFC 5034, 4"},
  // POP3, client
  {kPop3, kClient, kProof,
   R"(^(apop [!-~]|capa\r?\n|stls\r?\n|uidl[ \r\n]|top [0-9]+ [0-9]|(retr|dele) [0-9]+\r?\n))",
   "APOP|CAPA|STLS|UIDL|TOP |RETR|DELE", "FTP's files, named by numbers", "RFC 1939, 5 and 7; RFC 2449, 5; RFC 2595, 4"},
  {kPop3, kClient, kPair, R"(^(user|pass) [!-~])", "USER|PASS", "FTP and IRC, whose servers never say +OK", "RFC 1939, 7"},
  {kPop3, kClient, kHint, R"(^((auth|list|lang)[ \r\n]|(quit|stat|noop|rset|utf8|help)\r?\n))",
   "LIST|LANG|STAT|UTF8", "FTP, NNTP, Redis and SMTP share some", "RFC 1939, 5; RFC 6856, 2 and 3; HELP by custom"},

  // What opens like mail, or is met where mail is looked for
  {kFtp, kServer, kProof, R"(^220[- ].*\b((vs|pro|pure-?)?ftpd?\.?[^a-z0-9.-]|ftp-?server|filezilla server))", "", "SMTP on a host named ftp", "RFC 959, 4.2"},
  {kFtp, kServer, kProof, R"(^(331[- ][^\r\n]*(pass|e-?mail)|500 oops: ))", "", "", "RFC 959, 5.4; vsftpd that can't start"},
  {kFtp, kClient, kProof,
   R"(^(syst|feat|pasv|epsv|pwd|xpwd)\r?\n|^(port [0-9]|eprt \||type [aeil]|cwd |stor |auth (tls|ssl)|adat |opts |clnt |pbsz |prot ))",
   "", "", "RFC 959, 4.1; RFC 2228"},
  {kFtp, kClient, kHint, R"(^(user |pass |acct |auth gssapi\r?\n))", "", "POP3's USER, POP3's and SMTP's AUTH", "RFC 959, 4.1; RFC 2228"},
  {kHttp, kClient, kProof, R"(^(get|head|post|put|delete|options|patch|trace|connect|propfind|pri) [^\r\n]+ ?http/)", "", "",
   "RFC 9112, 3"},
  {kHttp, kServer, kProof, R"(^http/[0-9])", "", "", "RFC 9112, 4"},
  {kSsh, kClient, kProof, R"(^ssh-[12])", "", "", "RFC 4253, 4.2"},
  {kSsh, kServer, kProof, R"(^ssh-[12])", "", "", "RFC 4253, 4.2"},
  {kRedis, kClient, kProof, R"(^\*[0-9]{1,6}\r\n\$)", "", "", "Redis serialization protocol"},
  {kRedis, kClient, kProof,
   R"(^((set|setnx|setex|getset|append|publish|expire|[hlrsz](add|get|set|push|range|len)) [!-~]|(ping|dbsize|flushall|flushdb|info|multi|hello [23])[ \r]|(keys|subscribe|psubscribe|select|config|client|replicaof|slaveof|psync) [!-~]))",
   "", "IMAP with a command for a tag", "Redis, inline commands"},
  {kRedis, kClient, kHint, R"(^auth [!-~]+( [!-~]+)?\r?\n)", "", "POP3's and SMTP's AUTH", "Redis, AUTH"},
  {kRedis, kServer, kProof, R"(^(\+pong\r|\$-?[0-9]{1,9}\r\n|:-?[0-9]{1,18}\r\n|\*[0-9]{1,9}\r\n|-noauth |-wrongtype |-moved |-err (unknown command|wrong number)))",
   "", "", "Redis serialization protocol"},
  {kNntp, kServer, kProof, R"(^20[01][- ])", "", "", "RFC 3977, 5.1"},
  {kNntp, kClient, kProof, R"(^(mode reader|authinfo |group |article |xover |newgroups |newnews |list (active|newsgroups)|capabilities))",
   "", "", "RFC 3977"},
  {kIrc, kServer, kProof, R"(^:[^ \r\n]+ (notice|[0-9]{3}) )", "", "", "RFC 1459, 2.3"},
  {kIrc, kServer, kProof, R"(^notice auth )", "", "", "RFC 1459"},
  {kIrc, kClient, kProof, R"(^(nick |cap ls|user [^ \r\n]+ [^ \r\n]+ [^ \r\n]+ :))", "", "POP3's USER", "RFC 1459, 4.1"},
  {kManageSieve, kServer, kProof, R"re(^"(implementation|sieve|sasl|version|notify|starttls)")re", "", "", "RFC 5804, 1.7"},
  {kCyrus, kServer, kDenial, R"(^\* (ok mupdate "|acap|ok cyrus imsp version|ok [^ \r\n]+ cyrus sync server|(sasl|compress|starttls)[ \r\n]))",
   "* AC|* SA|* CO|* ST", "IMAP on a host named mupdate or imsp", "RFC 3656, 3; RFC 2244, 4; Cyrus's IMSP and replication servers"},
  {kCyrus, kServer, kDenial, R"(^\* auth[ \r\n])", "* AU", "", "RFC 3656, 3.1"},
  {kDict, kServer, kProof, R"(^220 [^\r\n]*<[^>\r\n]*> <[^>\r\n]+@[^>\r\n]+>\r?\n)", "", "SMTP's greeting", "RFC 2229, 3.1"},
  {kDict, kClient, kProof, R"(^(client |define |match |show (db|databases|strat|strategies|info|server)))", "", "", "RFC 2229, 3"},
  {kSip, kClient, kProof, R"(^[a-z_]{3,16} [^ \r\n]+ (sip/2|rtsp/1)\.0\r?\n)", "", "", "RFC 3261, 7.1; RFC 2326, 6.1"},
  {kSip, kServer, kProof, R"(^(sip/2|rtsp/1)\.0 )", "", "", "RFC 3261, 7.2; RFC 2326, 7.1"},
  {kXmpp, kClient, kProof, R"(^(<\?xml|<stream:stream)[ >])", "", "", "RFC 6120, 4.2"},
  {kXmpp, kServer, kProof, R"(^(<\?xml|<stream:(stream|error))[ >])", "", "", "RFC 6120, 4.2"},
  {kMemcached, kServer, kProof, R"(^(stat [!-~]+ [!-~]|value [!-~]+ [0-9]+ [0-9]+|(stored|end|inserted [0-9]+|using [!-~]+|watching [0-9]+|reserved [0-9]+ [0-9]+)\r\n))",
   "", "", "memcached's protocol.txt; beanstalkd's protocol.txt"},
  {kMemcached, kClient, kProof, R"(^((get|gets|incr|decr|touch) [!-~]+|(set|add|replace|append|prepend|cas) [!-~]+ [0-9]+ [0-9]+ [0-9]+|put [0-9]+ [0-9]+ [0-9]+ [0-9]+|reserve|use [!-~]+|watch [!-~]+)[ \r])",
   "", "IMAP with a command for a tag", "memcached's protocol.txt; beanstalkd's protocol.txt"},
  {kNats, kServer, kProof, R"(^(info \{|pong\r\n|ping\r\n|connected\r?\n))", "", "", "NATS client protocol; STOMP 1.2"},
  {kNats, kClient, kProof, R"(^(connect \{|(connect|stomp)\r?\n|pub [!-~]+ |sub [!-~]+ ))", "", "HTTP's CONNECT", "NATS client protocol; STOMP 1.2"},
  {kSnpp, kServer, kProof, R"(^220[- ].*\bsnpp\b)", "", "SMTP's greeting", "RFC 1861, 4.1"},
  {kSnpp, kClient, kProof, R"(^(page|pager|mess|message|call|caller|leve|level|hold|2way|ackread|rtype|mcre|mcresponse|msta|mstatus|kill|killtag) [!-~]|^(send|2way)\r?\n)",
   "", "", "RFC 1861, 4.3 to 4.6"},
  {kTor, kServer, kDenial, R"(^250-protocolinfo [0-9])", "", "SMTP's answer to EHLO", "Tor control protocol, 3.21"},
  {kTor, kClient, kProof, R"(^(protocolinfo[ \r\n]|authchallenge |getinfo [!-~]|setevents[ \r\n]|signal [a-z]))", "", "",
   "Tor control protocol, 3"},

  // What may go before a dialogue. SOCKS is told by its length too: see MayBeSocks.
  {kProxy, kClient, kHint, R"(^connect [0-9a-z\[])", "CONN", "NATS, STOMP", "RFC 9110, 9.3.6"},
  {kProxy, kClient, kHint, R"(^proxy [tu])", "PROX", "", "PROXY protocol, 2.1"},
  {kProxy, kClient, kHint, R"(^\r\n\r\n\x00\r\nquit\n)", "\r\n\r\n", "empty lines", "PROXY protocol, 2.2"},
  {kProxy, kClient, kHint, R"(^\x04\x01)", "", "", "SOCKS 4; 4A"},
  {kProxy, kClient, kHint, R"(^\x05[\x01-\x20])", "", "", "RFC 1928, 3"},
};
// clang-format on

}  // namespace

absl::Span<const Pattern> Patterns() { return kPatterns; }

}  // namespace mailtap::classify
