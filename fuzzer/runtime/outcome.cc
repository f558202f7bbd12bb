#include "fuzzer/runtime/outcome.h"

#include "fuzzer/base/text.h"

namespace mob {

std::string level_name(int level) {
  switch (level) {
    case 0:
      return "DISABLE_ALL";
    case 1:
      return "BASIC";
    case 2:
      return "EXTENDED";
    case 99:
      return "ALL";
    default:
      return "LEVEL_" + std::to_string(level);
  }
}

std::string Configuration::name() const {
  std::string out = level_name(level);
  if (reload) out += " reloaded";
  if (!disabled.empty()) out += " without " + join(disabled, ";");
  return out;
}

std::string_view name(Stage s) {
  static constexpr std::string_view kNames[] = {"load", "run", "save", "reload", "rerun"};
  return kNames[static_cast<std::size_t>(s)];
}

std::string_view name(Outcome::Kind k) {
  static constexpr std::string_view kNames[] = {"outputs", "rejected", "crashed", "timed-out"};
  return kNames[static_cast<std::size_t>(k)];
}

const std::vector<Output>& outputs_of(const std::vector<Outcome>& outcomes, std::size_t i) {
  const Outcome& o = outcomes[i];
  return o.same_as >= 0 ? outcomes[static_cast<std::size_t>(o.same_as)].outputs : o.outputs;
}

}  // namespace mob
