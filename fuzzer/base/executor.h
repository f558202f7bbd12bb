// What runs in parallel is handed in, so that only one room sees the library that does it.
#pragma once

#include <cstddef>
#include <functional>

namespace mob {

// Runs `work(task, lane)` for each task in [0, count) and returns when all are done; at any time a lane in
// [0, lanes) has at most one task, so that each lane may own a worker. By default one after another.
struct Executor {
  int lanes = 1;
  std::function<void(std::size_t count, const std::function<void(std::size_t task, int lane)>& work)> run =
      [](std::size_t count, const std::function<void(std::size_t task, int lane)>& work) {
        for (std::size_t task = 0; task < count; ++task) work(task, 0);
      };
};

}  // namespace mob
