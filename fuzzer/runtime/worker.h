// A persistent worker process of one system, and the cases in flight to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzzer/graph/case.h"
#include "fuzzer/runtime/outcome.h"
#include "fuzzer/runtime/system.h"

namespace mob {

struct WorkerLimits {
  double cpu_seconds = 20;                      // of the worker's CPU time per stage of a configuration
  double wall_seconds = 120;                    // the same by the clock, for one that waits for ever
  std::int64_t memory = std::int64_t{8} << 30;  // bytes of private memory
  // Byte with which fresh and freed memory is filled (MALLOC_PERTURB_), so that reads of uninitialised
  // memory show; another byte, another garbage. 0: off.
  int poison = 0xA5;
};

// Starts on first use, is started afresh after a crash or a time-out, and ends with this object. One thread.
// Throws UserError when the worker cannot start at all (no such program, no such library).
class Worker {
 public:
  explicit Worker(System system, WorkerLimits limits = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const System& system() const;

  // Two cases may be in flight: while the worker runs one, the next is written and the last one read.
  bool can_submit() const;
  int in_flight() const;
  // Writes the case into shared memory and returns at once. The model is stamped to what the system takes.
  // Throws UserError when it does not fit.
  void submit(const Case& c, const std::vector<Configuration>& configurations);
  // Waits for the oldest case in flight: one outcome per configuration, in order. Death and deadline cost one
  // outcome; the configurations after it run in a fresh process.
  std::vector<Outcome> next();
  // Both in one.
  std::vector<Outcome> run(const Case& c, const std::vector<Configuration>& configurations);

  // Ends the process, so that the next case meets a fresh one.
  // It is a copy of one that has just loaded the system, where that can be had (serve.h).
  void restart();
  // The same with the system loaded anew, too: what it drew as it was loaded is drawn again, such as the seed
  // of its random operators.
  void reload();

  int process() const;               // id of the process, or -1
  int starts() const;                // processes started so far
  std::int64_t peak_memory() const;  // bytes, of the largest process so far (VmHWM)
  double cpu_seconds() const;        // of all processes so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mob
