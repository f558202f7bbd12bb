#include "fuzzer/campaign/triage_lane.h"

#include <set>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr double kLook = 0.25;  // seconds between two looks into the folder

// The oldest finding that is not triaged.
fs::path next_of(const fs::path& folder, const std::set<fs::path>& given_up) {
  fs::path oldest;
  fs::file_time_type when;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (!is_finding(entry.path()) || is_triaged(entry.path()) || given_up.contains(entry.path())) continue;
    const auto written = fs::last_write_time(entry.path() / "finding.json", none);
    if (oldest.empty() || written < when) {
      oldest = entry.path();
      when = written;
    }
  }
  return oldest;
}

}  // namespace

TriageLane::TriageLane(System system, WorkerLimits limits, fs::path findings, double cores)
    : system_(std::move(system)), limits_(limits), findings_(std::move(findings)), cores_(cores) {
  if (cores_ > 0) thread_ = std::thread([this] { work(); });
}

TriageLane::~TriageLane() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  cv_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool TriageLane::rest(double seconds) {
  std::unique_lock lock(mutex_);
  return !cv_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return over_.load(); });
}

void TriageLane::work() {
  Judge judge(system_, {.configurations = thorough_configurations(), .limits = limits_});
  std::set<fs::path> given_up;
  while (true) {
    const fs::path finding = next_of(findings_, given_up);
    if (finding.empty()) {
      if (!rest(kLook)) return;
      continue;
    }
    const double start = seconds_now();
    try {
      triage_finding({&judge}, finding, {.limits = {.stop = &over_}});
    } catch (
        const std::exception&) {  // a full disk, a folder that somebody took away: the campaign will tell
      given_up.insert(finding);
    }
    if (!rest((seconds_now() - start) * std::max(0.0, 1 / cores_ - 1))) return;
  }
}

}  // namespace mob
