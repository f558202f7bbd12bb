// A campaign against a fake runtime as a process, so that a test can kill it or give it a full disk. Begins
// the campaign, or goes on with what is there.
//
//   mobster-fake-campaign DIR MODE CASES JOBS
#include <cstdio>

#include "fuzzer/base/check.h"
#include "tests/fakes/fake_campaign.h"

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  try {
    mob::CampaignOptions o = mob::fake_campaign(argv[2], argv[1], std::stoull(argv[3]), std::stoi(argv[4]));
    o.resume = std::filesystem::exists(o.out / "journal.sqlite");
    mob::run_quietly(o);
    return 0;
  } catch (const mob::UserError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
