// The list of a system's optimizers and the motifs know each other.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/runtime/system.h"

namespace mob {
namespace {

std::map<std::string, std::set<std::string>> motifs_by_aim() {
  std::map<std::string, std::set<std::string>> motifs;
  for (const Motif* m : all_motifs())
    for (const std::string& aim : split(m->aims_at, ';'))
      if (!aim.empty()) motifs[aim].emplace(m->name);
  return motifs;
}

TEST(Optimizers, EachInReachHasAMotif) {
  const auto motifs = motifs_by_aim();
  for (const SystemSpec* spec : all_systems())
    for (const Optimizer& o : spec->optimizers())
      EXPECT_TRUE(!o.out_of_reach.empty() || motifs.contains(o.name)) << "no motif aims at " << o.name;
}

TEST(Optimizers, MotifsAimAtNothingElse) {
  std::set<std::string> names;
  for (const SystemSpec* spec : all_systems())
    for (const Optimizer& o : spec->optimizers())
      EXPECT_TRUE(names.insert(o.name).second) << o.name << " is listed twice";
  for (const auto& [aim, motifs] : motifs_by_aim())
    EXPECT_TRUE(names.contains(aim)) << *motifs.begin() << " aims at " << aim << ", which is no optimizer";
}

// A session without options runs those only: what is disabled to find a cause is among them.
TEST(Optimizers, OutOfReachAreNotTried) {
  System s;
  s.optimizers = {{.name = "ARule", .rule = true},
                  {.name = "APass"},
                  {.name = "NeverARule", .rule = true, .out_of_reach = "needs an option"},
                  {.name = "NeverAPass", .out_of_reach = "needs an option"},
                  {.name = "OldPass", .gone_since = "1.20.0"}};
  s.version = "1.20.1";
  EXPECT_EQ(s.rules(), std::vector<std::string>{"ARule"});
  EXPECT_EQ(s.passes(), std::vector<std::string>{"APass"});
  s.version = "1.19.2";
  EXPECT_EQ(s.passes(), (std::vector<std::string>{"APass", "OldPass"}));
}

}  // namespace
}  // namespace mob
