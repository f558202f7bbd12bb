// An optimization that costs: slower, hungrier or larger than what it began with, by a margin that
// interleaved repeats do not take away. Times of one run only tell what is worth to be measured.
#include <fmt/format.h>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

constexpr int kRounds = 5;
// Twice as slow is what a busy machine makes of half as slow again.
constexpr double kTimesSlower = 2.5, kTimesHungrier = 2.5, kTimesLarger = 2;
constexpr double kLeastSeconds = 3e-4;  // that a run takes more; below, the call itself is most of it
constexpr double kLeastMemory = 8e6, kLeastFile = 64e3;  // bytes more
constexpr double kWorthASecondLook = 1e-3;               // seconds of a run from which on memory is measured

struct Way {
  const Case& c;
  const Configuration& configuration;
};

// In words how much worse `now` is than `before`, which is called `than`, in every round; empty where it is
// not.
std::string worse(const Evidence& e, const Way& now, const Way& before, std::string_view than,
                  bool look_at_memory) {
  double slowest_ratio = kInfinity<double>, hungriest_ratio = kInfinity<double>;
  Cost a, b;
  for (int round = 0; round < kRounds; ++round) {
    // Neither of the two is always the first.
    if (round % 2 == 0) a = e.measure(now.c, now.configuration);
    b = e.measure(before.c, before.configuration);
    if (round % 2 != 0) a = e.measure(now.c, now.configuration);
    if (!a.known || !b.known) return "";
    const bool slower = a.seconds - b.seconds >= kLeastSeconds;
    slowest_ratio = slower ? std::min(slowest_ratio, a.seconds / b.seconds) : 0;
    const auto more = static_cast<double>(a.peak_memory - b.peak_memory);
    const bool hungrier = look_at_memory && b.peak_memory > 0 && more >= kLeastMemory;
    hungriest_ratio = hungrier ? std::min(hungriest_ratio, static_cast<double>(a.peak_memory) /
                                                               static_cast<double>(b.peak_memory))
                               : 0;
    if (slowest_ratio < kTimesSlower && hungriest_ratio < kTimesHungrier) return "";
  }
  if (slowest_ratio >= kTimesSlower)
    return fmt::format("{:.1f} times slower than {}: {:.1f} us against {:.1f} us", slowest_ratio, than,
                       a.seconds * 1e6, b.seconds * 1e6);
  return fmt::format("{:.1f} times hungrier than {}: {} against {}", hungriest_ratio, than,
                     show_bytes(static_cast<double>(a.peak_memory)),
                     show_bytes(static_cast<double>(b.peak_memory)));
}

Finding finding(std::string stage, FindingClass cls, std::size_t configuration, std::string message) {
  Finding f;
  f.oracle = "no-gain";
  f.symptom = Symptom::kNoGain;
  f.stage = std::move(stage);
  f.cls = cls;
  f.configurations = {configuration};
  f.message = std::move(message);
  return f;
}

// A saved model that is larger than what was given. Folding constants trades size for time by design.
std::optional<Finding> larger(const Evidence& e) {
  for (std::size_t i = 0; i < e.outcomes.size(); ++i) {
    const auto saved = static_cast<double>(e.outcomes[i].saved_bytes);
    if (!e.configurations[i].reload || saved < kLeastFile) continue;
    const auto given = static_cast<double>(serialize(e.c.model).size());
    if (saved < kTimesLarger * given || saved - given < kLeastFile) continue;
    return finding(
        "save", FindingClass::kKnownLimit, i,
        fmt::format("the saved model takes {}, the one given {}", show_bytes(saved), show_bytes(given)));
  }
  return std::nullopt;
}

std::optional<Finding> slower_than_plain(const Evidence& e) {
  for (std::size_t i = 1; i < e.outcomes.size(); ++i) {
    const Outcome &now = e.outcomes[i], &plain = e.plain();
    if (!now.ok() || e.configurations[i].reload || e.configurations[i].level == 0) continue;
    const bool memory = now.run_seconds > kWorthASecondLook;
    if (now.run_seconds - plain.run_seconds < kLeastSeconds && !memory) continue;
    if (now.run_seconds < kTimesSlower * plain.run_seconds && !memory) continue;
    const std::string how =
        worse(e, {e.c, e.configurations[i]}, {e.c, e.configurations[0]}, "without optimization", memory);
    if (!how.empty()) return finding("optimize", FindingClass::kBug, i, how);
  }
  return std::nullopt;
}

// Against the parent, both optimized. A runtime need not have a fast kernel for every form, so that this is
// no bug of an optimizer of graphs; of a tool that makes models smaller or faster, it is one.
std::optional<Finding> slower_than_parent(const Evidence& e) {
  if (e.steps.empty() || e.outcomes.back().run_seconds < kLeastSeconds) return std::nullopt;
  const Derivation& step = e.steps.back();
  if (step.kind == "rewriting" && step.tool.empty()) return std::nullopt;  // nobody said that it gains
  const std::size_t i = e.outcomes.size() - 1;
  const std::string how =
      worse(e, {e.c, e.configurations[i]}, {*step.parent, e.configurations[i]}, "its parent", true);
  if (how.empty()) return std::nullopt;
  Finding f = finding("optimize", step.tool.empty() ? FindingClass::kKnownLimit : FindingClass::kBug, i,
                      (step.tool.empty() ? "" : step.tool + ", ") + step.mutator + ": " + how);
  f.kind = step.kind;
  return f;
}

Verdict check(const Evidence& e) {
  if (!e.plain().ok()) return Verdict::skip("no outputs without optimization");
  if (auto f = larger(e)) return Verdict::found(std::move(*f));
  if (!e.measure) return Verdict::agree();
  if (auto f = slower_than_plain(e)) return Verdict::found(std::move(*f));
  if (auto f = slower_than_parent(e)) return Verdict::found(std::move(*f));
  return Verdict::agree();
}

}  // namespace

extern const Oracle no_gain;
const Oracle no_gain = {.name = "no-gain",
                        .shows =
                            "optimized against plain, and against the parent: time, memory, size of the "
                            "saved model (no-gain)",
                        .check = check};

}  // namespace mob::oracles
