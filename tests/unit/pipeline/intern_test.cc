#include "lib/pipeline/intern.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace mailtap::pipeline {
namespace {

TEST(NameTable, SharesEqualNames) {
  NameTable names(4);
  const uint32_t a = names.Acquire("a.example"), b = names.Acquire("b.example");
  EXPECT_NE(a, b);
  EXPECT_EQ(names.Acquire("a.example"), a);
  names.Release(a);
  EXPECT_EQ(names.Get(a), "a.example") << "one user is left";
}

TEST(NameTable, ForgetsANameWithItsLastUser) {
  NameTable names(1);
  const uint32_t a = names.Acquire("a.example");
  EXPECT_EQ(names.Acquire("b.example"), NameTable::kNone);
  names.Release(a);
  const uint32_t b = names.Acquire("b.example");
  ASSERT_NE(b, NameTable::kNone);
  EXPECT_EQ(names.Get(b), "b.example");
}

TEST(NameTable, HoldsTheLongestName) {
  NameTable names(2);
  const std::string longest(meter::NameRecord::kMaxLength, 'x');
  EXPECT_EQ(names.Get(names.Acquire(longest)), longest);
}

TEST(NameTable, AgreesWithAMapOverRandomUse) {
  NameTable names(50);
  std::map<std::string, uint32_t> numbers;
  std::vector<std::string> users;
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    if (!users.empty() && random() % 2 == 0) {
      const std::size_t who = random() % users.size();
      std::swap(users[who], users.back());
      names.Release(numbers.at(users.back()));
      users.pop_back();
      continue;
    }
    const std::string name = "host" + std::to_string(random() % 80) + ".example";
    const bool known = std::count(users.begin(), users.end(), name) != 0;
    const uint32_t number = names.Acquire(name);
    if (number == NameTable::kNone) {
      ASSERT_FALSE(known);
      continue;
    }
    if (known) {
      ASSERT_EQ(number, numbers.at(name));
    }
    numbers[name] = number;
    users.push_back(name);
    for (const std::string& user : users) ASSERT_EQ(names.Get(numbers.at(user)), user);
  }
}

net::EncapStack Vlans(std::initializer_list<uint32_t> ids) {
  net::EncapStack stack;
  for (const uint32_t id : ids) stack.Push(net::EncapKind::kVlan, id);
  return stack;
}

TEST(EncapTable, NumbersDistinctStacks) {
  EncapTable table(3);
  bool full = true;
  EXPECT_EQ(table.Number({}, full), 0);
  EXPECT_FALSE(full);
  const uint16_t a = table.Number(Vlans({1}), full), b = table.Number(Vlans({1, 2}), full),
                 c = table.Number(Vlans({2, 1}), full);
  EXPECT_FALSE(full);
  EXPECT_TRUE(a != 0 && b != 0 && c != 0 && a != b && b != c && a != c);
  EXPECT_EQ(table.Number(Vlans({1, 2}), full), b);
  EXPECT_TRUE(table.Get(c) == Vlans({2, 1}));
  EXPECT_EQ(table.Number(Vlans({9}), full), 0);
  EXPECT_TRUE(full);
  EXPECT_EQ(table.Number(Vlans({1}), full), a);
  EXPECT_FALSE(full);
}

}  // namespace
}  // namespace mailtap::pipeline
