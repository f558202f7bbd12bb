#include "fuzzer/base/check.h"

#include <unistd.h>

#include <cstdio>

#include "fuzzer/base/last_words.h"

namespace mob {

Place& current_place() {
  thread_local Place place;
  return place;
}

LastWords& last_words() {
  static LastWords words = nullptr;
  return words;
}

void slip(const char* file, int line, const std::string& what) {
  const Place& p = current_place();
  std::fprintf(stderr, "mobster %s: slip at %s:%d: %s (seed %llu, index %llu)%s%s\n", version(), file, line,
               what.c_str(), static_cast<unsigned long long>(p.seed),
               static_cast<unsigned long long>(p.index), p.keep.empty() ? "" : "; the case is kept in ",
               p.keep.c_str());
  std::fflush(nullptr);
  if (last_words() != nullptr) last_words()();
  _exit(kSlipExitCode);
}

const char* version() {
  return "0.1.0";
}

}  // namespace mob
