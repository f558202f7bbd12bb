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
  std::vector<Outcome> outcomes;
  bool confirmed = false;  // a fresh process, with other garbage in its memory, showed the same
};

// Feeds a worker with two cases in flight: the reference of one case is evaluated while the worker runs
// another. One thread. Cases must outlive their judgement.
class Judge {
 public:
  Judge(System system, JudgeOptions options);
  ~Judge();

  const System& system() const { return worker_->system(); }
  const std::vector<Configuration>& configurations() const { return options_.configurations; }
  Worker& worker() { return *worker_; }

  bool can_start() const { return worker_->can_submit(); }
  std::size_t under_way() const { return under_way_.size(); }
  void start(const Case& c);  // throws UserError when the worker cannot start
  Judged finish();            // of the oldest case under way
  Judged judge(const Case& c) {
    start(c);
    return finish();
  }

 private:
  struct Running {
    const Case* c;
    Reference reference;
  };
  Judged weigh(const Case& c, Reference reference, std::vector<Outcome> outcomes);
  Worker& fresh_worker();

  JudgeOptions options_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Worker> second_;  // for confirmation and repeats; another poison
  std::deque<Running> under_way_;
};

}  // namespace mob
