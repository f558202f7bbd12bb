#include "fuzzer/cli/versions.h"

#include <algorithm>

#include "fuzzer/base/text.h"
#include "fuzzer/triage/blame_versions.h"

namespace mob::cli {

std::vector<System> asked_versions(const std::string& system, const std::string& asked) {
  if (asked == "all") return versions_at_hand(resolve_system(system));
  std::vector<System> systems;
  for (const std::string& version : split(asked, ','))
    systems = with_own(std::move(systems), resolve_system(system + "@" + version));
  return systems;
}

}  // namespace mob::cli
