#include "fuzzer/campaign/slips.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string_view>

#include "fuzzer/base/check.h"
#include "fuzzer/base/last_words.h"

namespace mob {
namespace {

constexpr const char* kFile = "slips";
constexpr std::uint64_t kNone = ~std::uint64_t{0};
constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCatchSignals = false;
#else
constexpr bool kCatchSignals = true;
#endif

thread_local std::uint64_t at_work = kNone;
volatile int file = -1;

// Nothing here allocates or locks (signal-safety(7)).
void put(int to, std::string_view words) {
  if (write(to, words.data(), words.size()) < 0) return;  // nobody is left to be told
}
void put(int to, std::uint64_t number) {
  std::array<char, 24> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  put(to, std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void note() {
  if (at_work == kNone || file < 0) return;
  put(file, at_work);
  put(file, "\n");
  put(STDERR_FILENO, "mobster: case ");
  put(STDERR_FILENO, at_work);
  put(STDERR_FILENO, " is left out when the campaign is resumed (--resume)\n");
}

void on_signal(int number) {
  put(STDERR_FILENO, "mobster ");
  put(STDERR_FILENO, version());
  put(STDERR_FILENO, ": slip: signal ");
  put(STDERR_FILENO, static_cast<std::uint64_t>(number));
  put(STDERR_FILENO, "\n");
  note();
  _exit(kSlipExitCode);
}

void handle(void (*handler)(int)) {
  for (int number : kSignals)
    if (kCatchSignals) std::signal(number, handler);
}

}  // namespace

std::set<std::uint64_t> read_slips(const std::filesystem::path& campaign) {
  std::set<std::uint64_t> list;
  std::ifstream in(campaign / kFile);
  for (std::uint64_t index = 0; in >> index;) list.insert(index);
  return list;
}

void at_work_on(std::uint64_t index) {
  at_work = index;
}

SlipCatcher::SlipCatcher(const std::filesystem::path& campaign) : file_(campaign / kFile) {
  file = open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  last_words() = note;
  handle(on_signal);
}

SlipCatcher::~SlipCatcher() {
  handle(SIG_DFL);
  last_words() = nullptr;
  if (file >= 0) close(file);
  file = -1;
  std::error_code gone;
  if (std::filesystem::file_size(file_, gone) == 0) std::filesystem::remove(file_, gone);
}

}  // namespace mob
