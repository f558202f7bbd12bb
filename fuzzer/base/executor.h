// How rooms that may not see TBB do things in parallel: the caller hands them an executor.
#pragma once

#include <cstddef>
#include <functional>

namespace mob {

struct Executor {
  int lanes = 1;
  // Calls work(task, lane) once for each task in [0, count), at most one at a time for each lane in
  // [0, lanes), and returns when all have ended.
  std::function<void(std::size_t count, const std::function<void(std::size_t task, int lane)>& work)> run =
      [](std::size_t count, const std::function<void(std::size_t, int)>& work) {
        for (std::size_t task = 0; task < count; ++task) work(task, 0);
      };
};

}  // namespace mob
