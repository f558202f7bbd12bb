// What mobster's own failures leave behind.
#include "fuzzer/campaign/slips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "fuzzer/base/check.h"
#include "tests/fakes/fake_campaign.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;

class Slips : public ::testing::Test {
 protected:
  std::filesystem::path folder() { return scratch_ / "."; }
  ScratchFolder scratch_;
};

TEST_F(Slips, ABrokenCheckNotesTheCaseAtHand) {
  const auto fail = [&] {
    const SlipCatcher catcher(folder());
    at_work_on(42);
    MOB_CHECK(1 + 1 == 3, "planted");
  };
  EXPECT_EXIT(fail(), ExitedWithCode(kSlipExitCode), "planted.*\n.*case 42 is left out");
  EXPECT_THAT(read_slips(folder()), ElementsAre(42));
}

TEST_F(Slips, ASignalNotesTheCaseAtHand) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers report signals themselves";
#endif
  const auto fail = [&] {
    const SlipCatcher catcher(folder());
    at_work_on(7);
    std::raise(SIGFPE);
  };
  EXPECT_EXIT(fail(), ExitedWithCode(kSlipExitCode), "slip: signal 8\n.*case 7 is left out");
  EXPECT_THAT(read_slips(folder()), ElementsAre(7));
}

TEST_F(Slips, AreLeftOutOfTheNextSession) {
  CampaignOptions o = fake_campaign("honest", scratch_ / "out", 16, 2);
  run_quietly(o);
  std::ofstream(scratch_ / "out" / "slips") << "17\n20\n";
  o.resume = true;
  o.cases = 32;
  const Status s = run_quietly(o);
  EXPECT_EQ(s.cases, 32U);
  EXPECT_EQ(s.ledger.at({"skipped", "mobster itself failed on it"}), 2U);
}

}  // namespace
}  // namespace mob
