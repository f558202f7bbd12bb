// Work in parallel: every task once, a lane at one task at a time.
#include "fuzzer/campaign/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mob {
namespace {

void every_task_once(const Executor& executor) {
  std::vector<std::atomic<int>> done(200), busy(static_cast<std::size_t>(executor.lanes));
  executor.run(done.size(), [&](std::size_t task, int lane) {
    ASSERT_GE(lane, 0);
    ASSERT_LT(lane, executor.lanes);
    EXPECT_EQ(busy[static_cast<std::size_t>(lane)]++, 0);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    ++done[task];
    --busy[static_cast<std::size_t>(lane)];
  });
  for (const auto& times : done) EXPECT_EQ(times, 1);
  executor.run(0, [](std::size_t, int) { FAIL(); });
}

TEST(Executor, DoesEveryTaskOnce) {
  every_task_once({});
  for (int lanes : {1, 2, 5}) {
    const Executor executor = tbb_executor(lanes);
    EXPECT_EQ(executor.lanes, lanes);
    every_task_once(executor);
  }
  EXPECT_GE(tbb_executor(0).lanes, 1);
}

TEST(Executor, HandsOnWhatATaskThrows) {
  for (const Executor& executor : {Executor(), tbb_executor(2)})
    EXPECT_THROW(executor.run(4,
                              [](std::size_t task, int) {
                                if (task == 2) throw std::runtime_error("no");
                              }),
                 std::runtime_error);
}

}  // namespace
}  // namespace mob
