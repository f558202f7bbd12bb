// Words that the subcommands which run campaigns have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzzer/campaign/campaign.h"
#include "fuzzer/probes/support.h"

namespace mob::cli {

// "90s", "2m", "1h" in seconds. Throws UserError.
double parse_duration(const std::string& words);

// "500M", "2G" in bytes. Throws UserError.
std::uint64_t parse_size(const std::string& words);

// Models as seeds of mutants, or as motifs; inputs that they do not bring are drawn by `seed`. None for no
// paths. Throws UserError.
std::vector<Seed> load_seeds(const std::vector<std::string>& paths, std::uint64_t seed);

// Has the campaign run on this system, within what it supports. `support` must outlive the campaign.
void set_system(CampaignOptions& options, const System& system, const Support& support);

}  // namespace mob::cli
