#include "lib/pipeline/tls_names.h"

#include <gtest/gtest.h>

namespace mailtap::pipeline {
namespace {

constexpr uint16_t kOdd = 8'883;

TEST(TlsNames, FirstLabelBeforeTwoMoreTellsTheServiceByDefault) {
  const TlsNames names{config::TlsNames()};
  EXPECT_EQ(names.ServiceOf("smtp.example.com", kOdd), Service::kSmtp);
  EXPECT_EQ(names.ServiceOf("imap.mail.example.co.uk", kOdd), Service::kImap);
  EXPECT_EQ(names.ServiceOf("pop.example.com", kOdd), Service::kPop3);
  EXPECT_EQ(names.ServiceOf("pop3.example.com", kOdd), Service::kPop3);
  for (const char* name : {"", "smtp", "imap.com", "mail.example.com", "smtps.example.com",
                           "www.smtp.example.com", "outlook.office365.com", ".smtp.a.b"}) {
    EXPECT_EQ(names.ServiceOf(name, kOdd), std::nullopt) << name;
  }
}

TEST(TlsNames, SayNothingOnTheWebsPorts) {
  config::TlsNames config;
  EXPECT_EQ(TlsNames(config).ServiceOf("imap.example.com", 443), std::nullopt);
  EXPECT_TRUE(TlsNames(config).IsWebPort(443));
  config.web_ports = {8'443, 8'080};
  EXPECT_EQ(TlsNames(config).ServiceOf("imap.example.com", 443), Service::kImap);
  EXPECT_EQ(TlsNames(config).ServiceOf("imap.example.com", 8'080), std::nullopt);
}

TEST(TlsNames, AreConfigured) {
  config::TlsNames config;
  config.services[static_cast<int>(Service::kSmtp)] = {"mx?.example.com", "*.relay.example"};
  config.services[static_cast<int>(Service::kPop3)] = {};
  const TlsNames names(config);
  EXPECT_EQ(names.ServiceOf("mx1.example.com", kOdd), Service::kSmtp);
  EXPECT_EQ(names.ServiceOf("a.b.relay.example", kOdd), Service::kSmtp);
  EXPECT_EQ(names.ServiceOf("smtp.example.com", kOdd), std::nullopt);
  EXPECT_EQ(names.ServiceOf("pop.example.com", kOdd), std::nullopt);
}

TEST(TlsNames, AWebMailHostIsNoneWhateverThePatternsSay) {
  config::TlsNames config;
  config.services[static_cast<int>(Service::kImap)] = {"*.google.com", "*.example.com"};
  const TlsNames names(config);
  EXPECT_EQ(names.ServiceOf("imap.google.com", kOdd), Service::kImap);
  EXPECT_EQ(names.ServiceOf("mail.google.com", kOdd), std::nullopt);
  EXPECT_EQ(names.ServiceOf("webmail.example.com", kOdd), std::nullopt);
}

}  // namespace
}  // namespace mailtap::pipeline
