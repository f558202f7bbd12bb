// The lock: what must not change while a finding's case is made smaller or varied, and the trying of such
// variants against it.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fuzzer/base/executor.h"
#include "fuzzer/triage/cause.h"

namespace mob {

struct Lock {
  Symptom symptom = Symptom::kCrash;
  FindingClass cls = FindingClass::kBug;
  Configuration bad;              // of the lowest level at which the finding shows
  std::string message;            // template of what the system said there; empty where it said nothing
  std::vector<std::string> cure;  // optimizers whose disabling, together, cures; empty: none is known
  bool reference = true;          // the reference has an answer
  bool operator==(const Lock&) const = default;
};

// Of a finding of `c` and its cause: the first cure is the one to be kept.
Lock lock_of(const Case& c, const Judged& judged, const Cause& cause);

// A reason without what differs from case to case: numbers become #, quoted names and paths '...'.
std::string template_of(std::string_view message);

// A message without what differs from variant to variant: numbers, quoted words, names of the model's values
// and nodes and what an optimizer makes of them by adding to them.
std::string message_template(std::string_view message, const Model& model);

struct TrialLimits {
  int checks = 2000;    // variants run
  double seconds = 60;  // by the clock; 0: no limit, so that the answer depends on the variants alone
  const std::atomic<bool>* stop = nullptr;  // set by another thread: no more
  bool stopped() const { return stop != nullptr && *stop; }
};

// What a variant of the case does.
enum class Shown : std::uint8_t {
  kSame,   // the finding, by the lock (but for the cure)
  kRight,  // every configuration agrees with the reference, and wrong numbers would have been seen
  kOther,  // something else: another finding, no answer, not valid
};

// Runs variants. Answers are remembered by the variant's content.
class Trials {
 public:
  // A judge for each lane of the executor, which asks its second process; they and the executor must outlive
  // this object.
  Trials(std::vector<Judge*> judges, const Executor& executor, Lock lock, TrialLimits limits);

  const Lock& lock() const { return lock_; }
  // Index of the first variant that shows the finding, is cured by the lock's cure and is valid ONNX. As many
  // are run at once as there are lanes; the answer is the same for any number of them. Nothing where none
  // does, or a limit is reached.
  std::optional<std::size_t> first_locked(std::span<const Case> variants);
  // What each does. Beyond the limits: kOther.
  std::vector<Shown> run(std::span<const Case> variants);
  // Which of `passes` changed the model of a variant at the lock's level, as far as the log tells.
  bool fires(const Case& variant, const std::string& pass);

  bool exhausted() const;
  int checks() const { return checks_; }
  int lanes() const { return executor_.lanes; }
  Judge& judge(int lane = 0) { return *judges_[static_cast<std::size_t>(lane)]; }

 private:
  Shown look(const Case& variant, Judge& judge) const;
  bool cured(const Case& variant, Judge& judge) const;

  std::vector<Judge*> judges_;
  const Executor& executor_;
  Lock lock_;
  TrialLimits limits_;
  double started_;
  int checks_ = 0;
  std::map<std::uint64_t, Shown> known_;
};

// A key of the content of a case: model and inputs.
std::uint64_t content_key(const Case& c);

}  // namespace mob
