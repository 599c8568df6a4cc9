// SMTP dialogues, and what they come to.
#ifndef MAILTAP_TESTS_UNIT_CLASSIFY_SMTP_DIALOGUES_H_
#define MAILTAP_TESTS_UNIT_CLASSIFY_SMTP_DIALOGUES_H_

#include <string>
#include <vector>

namespace mailtap::classify {

struct Line {
  char side;  // 'C' or 'S'
  std::string text;
};

inline const Line kMail = {'C', "MAIL FROM:<a@b>\r\n"}, kRcpt = {'C', "RCPT TO:<c@d>\r\n"},
                  kData = {'C', "DATA\r\n"}, kOk = {'S', "250 ok\r\n"},
                  kGo = {'S', "354 go\r\n"},
                  kText = {'C',
                           "Subject: x\r\n\r\nMAIL FROM:<x@y>\r\nSTARTTLS\r\nDATA\r\n.\r\n"},
                  kNo = {'S', "550 5.7.1 no\r\n"}, kLater = {'S', "451 later\r\n"},
                  kOrder = {'S', "503 bad sequence\r\n"}, kReset = {'C', "RSET\r\n"},
                  kQuit = {'C', "QUIT\r\n"}, kBye = {'S', "221 bye\r\n"};

struct SmtpCase {
  const char* name;
  std::vector<Line> lines;  // after the greeting and EHLO
  // "messages/refused for now/refused for good, recipients, bytes of text" and what is special
  const char* expected;
};
std::vector<SmtpCase> SmtpCases();

}  // namespace mailtap::classify

#endif  // MAILTAP_TESTS_UNIT_CLASSIFY_SMTP_DIALOGUES_H_
