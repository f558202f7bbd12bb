// One case through one system: evidence gathered, every oracle asked, findings confirmed in a fresh process.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "fuzzer/runtime/worker.h"
#include "oracles/oracle.h"

namespace mob {

struct JudgeOptions {
  std::vector<Configuration> configurations;  // the first is the plain one
  WorkerLimits limits;
  int random_repeats = 16;  // sessions per configuration where results are random
  bool confirm = true;
  bool measure = false;  // look for what costs more when optimized, too (oracles/no_gain.cc)
};

// All four levels twice in one session, and each optimized level saved and loaded again.
std::vector<Configuration> thorough_configurations();
// Some levels, run once; level 0 is put first.
std::vector<Configuration> level_configurations(const std::vector<int>& levels);

struct Judged {
  Verdict verdict;            // the weightiest
  std::vector<Finding> also;  // other findings of the same case
  std::vector<std::pair<std::string_view, Verdict>> by_oracle;
  Reference reference;
  std::vector<Configuration> configurations;
  std::vector<Outcome> outcomes;  // one per configuration
  bool confirmed = false;         // a fresh process, with other garbage in its memory, showed the same
};

// Whether one of the case's findings has this symptom and class.
bool shows(const Judged& judged, Symptom symptom, FindingClass cls);

// Feeds a worker with two cases in flight: the reference of one case is evaluated while the worker runs
// another. One thread. Cases must outlive their judgement.
class Judge {
 public:
  Judge(System system, JudgeOptions options);
  ~Judge();

  const System& system() const { return worker_->system(); }
  const std::vector<Configuration>& configurations() const { return options_.configurations; }
  Worker& worker() { return *worker_; }
  std::vector<int> worker_processes() const;  // ids of those that run
  double cpu_seconds() const;                 // of all worker processes so far

  bool can_start() const { return worker_->can_submit(); }
  std::size_t under_way() const { return under_way_.size(); }
  // Throws UserError when the worker cannot start. `configurations`, if given, hold for this case. With
  // `steps`, by which it came of others, it is held against its parents, too; they must outlive it as well.
  void start(const Case& c, std::vector<Configuration> configurations = {},
             std::span<const Derivation> steps = {});
  Judged finish();  // of the oldest case under way
  Judged judge(const Case& c, std::span<const Derivation> steps = {}) {
    start(c, {}, steps);
    return finish();
  }

  // In a second process, whatever is under way in the first: judged without confirmation. `fresh`: that
  // process is started anew, with other garbage in its memory. `reference` saves its evaluation, if known.
  Judged judge_apart(const Case& c, const std::vector<Configuration>& configurations, bool fresh = false,
                     const Reference* reference = nullptr, std::span<const Derivation> steps = {});
  // What the second process makes of it.
  std::vector<Outcome> run_apart(const Case& c, const std::vector<Configuration>& configurations) {
    return second_worker(false).run(c, configurations);
  }
  // Whether some value within the graph has another type or shape without optimization than the ONNX spec
  // gives it, though nothing of that reaches an output: then what optimization brings to light is a kernel's
  // fault. Likewise where only saved models fail, and the one that is saved without optimization fails, too.
  // One or two requests to the second process; false where that cannot be told.
  bool errs_without_optimization(const Case& c, const Judged& judged);
  // What the oracles make of outcomes that are there already, one per configuration.
  Judged weigh(const Case& c, Reference reference, std::vector<Outcome> outcomes,
               const std::vector<Configuration>& configurations, std::span<const Derivation> steps = {});

 private:
  struct Running {
    const Case* c;
    Reference reference;
    std::vector<Configuration> configurations;
    std::span<const Derivation> steps;
  };
  Cost cost_of(const Case& c, Configuration configuration);
  Worker& second_worker(bool fresh);
  // Of these inputs alone; refers to all that it is given.
  Evidence evidence_of(const Case& c, const Reference& reference,
                       const std::vector<Configuration>& configurations,
                       const std::vector<Outcome>& outcomes);
  // Fills in the evidence's repeats: the case again and again in the second process, or each time in a fresh
  // one. Ends early where they show nothing.
  void repeat(Evidence& evidence, bool fresh);

  JudgeOptions options_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Worker> second_;  // for confirmation and repeats; another poison
  std::unique_ptr<Worker> clean_;   // for measuring: no poison
  std::deque<Running> under_way_;
};

}  // namespace mob
