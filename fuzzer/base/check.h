// The two kinds of error of our own (DESIGN: "Errors"). What a system under test does is neither: it is data.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace mob {

// Bad input or a bad set-up. Thrown to `main`, which prints one line and ends with exit code 2.
// The message names the file or word, the reason, and what to do.
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the present thread is at work on; printed when one of our own slips aborts, so that it can be
// replayed.
struct Place {
  std::uint64_t seed = 0;
  std::uint64_t index = 0;
  std::string keep;  // file to which the case at hand was saved, or empty
};
Place& current_place();

// Exit code of a slip of ours; the process ends with it after printing version, seed and index.
inline constexpr int kSlipExitCode = 3;

[[noreturn]] void slip(const char* file, int line, const std::string& what);

// The program's version; part of a case's identity.
const char* version();

}  // namespace mob

// A condition that only a fault of our own can break.
#define MOB_CHECK(condition, ...)                                                                 \
  do {                                                                                            \
    if (!(condition)) [[unlikely]]                                                                \
      ::mob::slip(__FILE__, __LINE__, std::string(#condition) __VA_OPT__(+": " + (__VA_ARGS__))); \
  } while (false)
