// The fake runtimes of fake_worker_main.cc, as systems under test.
#pragma once

#include <algorithm>
#include <string>

#include "fuzzer/runtime/system.h"

namespace mob {

inline System fake_system(const std::string& mode) {
  System s;
  s.name = "fake";
  s.version = mode;
  s.command = {std::string(MOBSTER_BINARY) + "/mobster-fake-worker", mode};
  s.max_opset = 26;
  s.max_ir = 13;
  return s;
}

// The mode of a fake as the name of a test.
inline std::string test_name(std::string mode) {
  std::replace(mode.begin(), mode.end(), '-', '_');
  return mode;
}

}  // namespace mob
