#include "lib/base/mail.h"

#include <gtest/gtest.h>

namespace mailtap {
namespace {

TEST(NameTest, IsTheFixedInterfacesSpelling) {
  EXPECT_EQ(Name(Service::kSmtp), "smtp");
  EXPECT_EQ(Name(Service::kPop3), "pop3");
  EXPECT_EQ(Name(Evidence::kBanner), "banner");
  EXPECT_EQ(Name(Evidence::kPort), "port");
  EXPECT_EQ(Name(Tls::kStarttls), "starttls");
  EXPECT_EQ(Name(Role::kServer), "server");
}

TEST(NameTest, ReadsBack) {
  for (int i = 0; i < kServiceCount; ++i) {
    const auto service = static_cast<Service>(i);
    EXPECT_EQ(FromName<Service>(kServiceNames, Name(service)), service);
  }
  EXPECT_EQ(FromName<Service>(kServiceNames, "SMTP"), std::nullopt);
  EXPECT_EQ(FromName<Service>(kServiceNames, ""), std::nullopt);
}

TEST(DirectionTest, OppositeIsTheOther) {
  EXPECT_EQ(Opposite(kUp), kDown);
  EXPECT_EQ(Opposite(kDown), kUp);
}

}  // namespace
}  // namespace mailtap
