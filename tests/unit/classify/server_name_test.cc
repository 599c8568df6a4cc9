#include "lib/classify/server_name.h"

#include <gtest/gtest.h>

#include "lib/classify/port_table.h"

namespace mailtap::classify {
namespace {

TEST(ServerName, FirstLabelBeforeTwoMoreTellsTheService) {
  EXPECT_EQ(ServiceOfServerName("smtp.example.com"), Service::kSmtp);
  EXPECT_EQ(ServiceOfServerName("imap.mail.example.co.uk"), Service::kImap);
  EXPECT_EQ(ServiceOfServerName("pop.example.com"), Service::kPop3);
  EXPECT_EQ(ServiceOfServerName("pop3.example.com"), Service::kPop3);
  for (const char* name : {"", "smtp", "imap.com", "mail.example.com", "smtps.example.com",
                           "www.smtp.example.com", "outlook.office365.com", ".smtp.a.b"}) {
    EXPECT_EQ(ServiceOfServerName(name), std::nullopt) << name;
  }
}

TEST(PortTable, HoldsWhatWasAddedAndNothingElse) {
  PortTable ports;
  ports.Add(25, Service::kSmtp, false);
  ports.Add(993, Service::kImap, true);
  ports.Add(65'535, Service::kPop3, false);
  int count = 0;
  for (int port = 0; port < 65'536; ++port) {
    count += ports.Contains(static_cast<uint16_t>(port)) ? 1 : 0;
  }
  EXPECT_EQ(count, 3);
  EXPECT_EQ(ports.service(993), Service::kImap);
  EXPECT_TRUE(ports.tls(993));
  EXPECT_FALSE(ports.tls(25));
  EXPECT_EQ(ports.service(65'535), Service::kPop3);
}

}  // namespace
}  // namespace mailtap::classify
