// Cases of a campaign on which mobster itself failed: noted while the process dies, and left out when the
// campaign is resumed. Else the next session would end on the same case.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>

namespace mob {

// Indices that earlier sessions noted in the campaign's folder; none where nothing was.
std::set<std::uint64_t> read_slips(const std::filesystem::path& campaign);

// What this thread is at work on from now on.
void at_work_on(std::uint64_t index);

// As long as it lives, a signal that only a fault of our own raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL) and a
// broken MOB_CHECK note the case of the thread, in one line on standard error and in the folder's `slips`,
// and end the process with kSlipExitCode. One at a time. Under sanitizers, which have a report of their own
// to write, only the latter.
class SlipCatcher {
 public:
  explicit SlipCatcher(const std::filesystem::path& campaign);
  ~SlipCatcher();
  SlipCatcher(const SlipCatcher&) = delete;
  SlipCatcher& operator=(const SlipCatcher&) = delete;

 private:
  std::filesystem::path file_;
};

}  // namespace mob
