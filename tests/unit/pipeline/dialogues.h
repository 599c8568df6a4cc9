// What mail servers and clients, and others that sound like them, say to each other.
#ifndef MAILTAP_TESTS_UNIT_PIPELINE_DIALOGUES_H_
#define MAILTAP_TESTS_UNIT_PIPELINE_DIALOGUES_H_

#include <string>
#include <vector>

#include "tests/unit/pipeline/conversation.h"

namespace mailtap::pipeline {

struct Line {
  Direction from;
  std::string text;
};
using Script = std::vector<Line>;

// One accepted message; the text holds a line that looks like a command.
Script SmtpScript();
// Two messages in one session, pipelined (RFC 2920).
Script SmtpPipelinedScript();
Script SmtpStarttlsScript();
Script ImapScript();
Script ImapStarttlsScript();
Script Pop3Script();
Script Pop3StlsScript();
Script ImplicitTlsScript(const std::string& server_name);
Script FtpScript();
Script RedisScript();
Script NntpScript();
Script HttpScript();
Script SshScript();
Script LmtpScript();
Script IrcScript();
Script TorScript();

// Bytes that `from` says in the script.
std::size_t BytesOf(const Script& script, Direction from);

// The script played between 10.1.0.5 and 192.0.2.25 on `server_port`, handshake and close
// included. `client_port` tells connections apart.
Conversation Play(const Script& script, uint16_t server_port, std::size_t segment_bytes = 1'400,
                  uint16_t client_port = 40'000);
// Says the script's lines in a conversation under way.
void Say(Conversation& conversation, const Script& script);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_TESTS_UNIT_PIPELINE_DIALOGUES_H_
