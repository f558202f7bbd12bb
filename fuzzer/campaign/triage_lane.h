// Findings triaged beside a campaign that goes on, on a bounded share of its cores.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "fuzzer/runtime/worker.h"

namespace mob {

// A thread of its own that looks into the folder of findings and triages (corpus/triage.h) those that are
// not, the oldest first. What it makes of a finding hangs on that finding alone; how far it gets, on time.
class TriageLane {
 public:
  // `cores` is the share of one core that it may take (0.4 of two cores at 20 %), waiting included.
  TriageLane(System system, WorkerLimits limits, std::filesystem::path findings, double cores);
  // Gives up the finding that is under way, which is left for the next time.
  ~TriageLane();
  TriageLane(const TriageLane&) = delete;
  TriageLane& operator=(const TriageLane&) = delete;

 private:
  void work();
  // Sleeps; whether it goes on.
  bool rest(double seconds);

  System system_;
  WorkerLimits limits_;
  std::filesystem::path findings_;
  double cores_;
  std::mutex mutex_;
  std::condition_variable cv_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace mob
