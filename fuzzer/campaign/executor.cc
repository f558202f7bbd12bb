#include "fuzzer/campaign/executor.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <memory>

#include "fuzzer/campaign/handover.h"

namespace mob {

Executor tbb_executor(int lanes) {
  struct Threads {
    explicit Threads(int n)
        : allowed(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(n)), arena(n) {}
    tbb::global_control allowed;
    tbb::task_arena arena;
  };
  Executor executor;
  executor.lanes = lanes > 0 ? lanes : tbb::info::default_concurrency();
  executor.run = [threads = std::make_shared<Threads>(executor.lanes)](std::size_t count, const auto& work) {
    { const Handover handover; }
    threads->arena.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>(0, count, 1),
          [&](const tbb::blocked_range<std::size_t>& tasks) {
            const Handover handover;
            for (std::size_t task = tasks.begin(); task != tasks.end(); ++task)
              work(task, tbb::this_task_arena::current_thread_index());
          },
          tbb::simple_partitioner());
    });
    { const Handover handover; }
  };
  return executor;
}

}  // namespace mob
