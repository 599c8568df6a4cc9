// What lines of a dialogue say of it, whichever protocol it is. Pure; allocates nothing.
#ifndef MAILTAP_LIB_CLASSIFY_SPOKEN_LINES_H_
#define MAILTAP_LIB_CLASSIFY_SPOKEN_LINES_H_

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"

namespace mailtap::classify {

// Whether somebody could read it.
bool IsText(absl::string_view text);

// Whether a server refuses what it was asked.
bool Refuses(absl::string_view line);

// Whether a server of the service takes, in its own words, a command that nobody else knows:
// XCLIENT, say, or a login of a make of its own. SMTP's codes for that are few.
bool Accepts(absl::string_view line, Service service);

// Whether a reply of SMTP's is one that others give too: help (214), a refusal, a delay.
bool IsOfManyServers(absl::string_view line);

// What a client that doesn't know a command is told. FTP's servers say other things: 530 and
// 550 where nobody has logged in, 331 to a user.
bool KnowsNoSuchCommand(absl::string_view line);

// Whether a line of IMAP's server ends a command that its client is seen to give: both have the
// same tag (RFC 9051, 2.2.1). Any word may be one, and prose is full of commands.
bool AnswersTag(absl::string_view server, absl::string_view client);

// Whether a line begins with what may be a tag, but is rather another's code ("250 OK") or a
// name ("/etc/passwd: OK").
bool HasOthersTag(absl::string_view line);

// Whether both say the same, as far as they go, be it one line: a terminal shows what is typed,
// and some services send back what they get.
bool Echo(absl::string_view server, absl::string_view client);

// A server's whole lines: how it greets, and the first line of what it answers. Parts of what
// they were found in.
struct Exchange {
  absl::string_view greeting, answer;  // no answer: empty
};
Exchange ExchangeIn(absl::string_view text);

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_SPOKEN_LINES_H_
