#include "lib/classify/pattern_compiler.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include <cstdlib>
#include <string>

#include "lib/classify/recogniser.h"

namespace mailtap::classify {
namespace {

constexpr Side kSides[] = {Side::kClient, Side::kServer};

TEST(BuiltPatterns, AreTheTableCompiled) {
  for (const Side side : kSides) {
    const auto database = CompilePatterns(side);
    ASSERT_TRUE(database.ok()) << database.status();
    char* bytes = nullptr;
    size_t size = 0;
    ASSERT_EQ(hs_serialize_database(database->get(), &bytes, &size), HS_SUCCESS);
    const std::string fresh(bytes, size);
    std::free(bytes);
    EXPECT_TRUE(BuiltPatterns(side) == fresh)
        << "the build holds " << BuiltPatterns(side).size() << " bytes, not these " << size;
  }
}

TEST(PatternDatabase, IsCompiledAnewWhereTheBuildsDoesNotFit) {
  const auto none = [](Side) { return absl::string_view(); };
  const auto other = [](Side side) { return BuiltPatterns(side).substr(0, 40); };
  for (absl::string_view (*built)(Side) : {+none, +other}) {
    const auto recogniser = Recogniser::Create(PatternDatabase::Load(built).value()).value();
    const std::string greeting =
        "220 mail.example.com ESMTP Postfix\r\n" + std::string(Speech::kSlack, 'x');
    const auto text = absl::string_view(greeting).substr(0, greeting.size() - Speech::kSlack);
    EXPECT_EQ(recogniser.Greeting({.text = text, .from_start = true}), Service::kSmtp);
  }
}

}  // namespace
}  // namespace mailtap::classify
