#include "fuzzer/cli/campaign_words.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "corpus/models.h"
#include "fuzzer/base/check.h"

namespace mob::cli {
namespace {

// A positive number and one of these units, multiplied out. Empty where the words are not that.
std::optional<double> with_unit(const std::string& words,
                                std::initializer_list<std::pair<std::string_view, double>> units) {
  char* end = nullptr;
  const double n = std::strtod(words.c_str(), &end);
  if (!(n > 0) || !std::isfinite(n)) return std::nullopt;
  for (const auto& [unit, factor] : units)
    if (unit == end) return n * factor;
  return std::nullopt;
}

}  // namespace

double parse_duration(const std::string& words) {
  const auto n = with_unit(words, {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}});
  if (!n) throw UserError("--for " + words + ": write it as 90s, 2m or 1h");
  return *n;
}

std::uint64_t parse_size(const std::string& words) {
  const auto n = with_unit(words, {{"", 1}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}});
  if (!n || *n > 1e18) throw UserError("--disk-budget " + words + ": write it as 500M or 2G");
  return static_cast<std::uint64_t>(*n);
}

std::vector<Seed> load_seeds(const std::vector<std::string>& paths, std::uint64_t seed) {
  std::vector<Seed> seeds;
  if (paths.empty()) return seeds;
  for (const auto& path : find_models(paths)) {
    auto c = std::make_shared<Case>(load_case(path, seed));
    c->lineage = {std::filesystem::is_directory(path) ? path.filename().string() : path.stem().string()};
    c->bindings.clear();  // mutants draw their own
    seeds.push_back({c->lineage.front(), std::move(c)});
  }
  return seeds;
}

void set_system(CampaignOptions& options, const System& system, const Support& support) {
  options.system = system;
  options.source.generator.support = &support;
  options.source.generator.max_opset = std::min(kNewestOpset, system.max_opset);
}

}  // namespace mob::cli
