// A campaign against a fake runtime.
#pragma once

#include "fuzzer/campaign/campaign.h"
#include "tests/fakes/fake_system.h"

namespace mob {

inline CampaignOptions fake_campaign(const std::string& mode, const std::filesystem::path& out,
                                     std::uint64_t cases, int jobs = 2) {
  CampaignOptions o;
  o.system = fake_system(mode);
  o.seed = 3;
  o.cases = cases;
  o.jobs = jobs;
  o.out = out;
  return o;
}

inline Status run_quietly(const CampaignOptions& options, EndedBy* why = nullptr) {
  Status last;
  const EndedBy ended = run_campaign(options, [&](const Status& s) { last = s; });
  if (why != nullptr) *why = ended;
  return last;
}

}  // namespace mob
