// Judging with the fake runtimes of fake_worker_main.cc: what hangs there is given up soon.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fuzzer/triage/judge.h"
#include "tests/fakes/fake_system.h"

namespace mob {

inline JudgeOptions quick(std::vector<Configuration> configurations = thorough_configurations()) {
  JudgeOptions options;
  options.configurations = std::move(configurations);
  options.limits.cpu_seconds = 0.3;
  options.limits.wall_seconds = 1.5;
  return options;
}

inline Judged judge_with(const std::string& mode, const Case& c) {
  Judge judge(fake_system(mode), quick());
  return judge.judge(c);
}

}  // namespace mob
