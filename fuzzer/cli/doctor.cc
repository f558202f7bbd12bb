// mobster doctor: is everything in place?
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <thread>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/ops/op_spec.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

int examine() {
  int wrong = 0;
  const auto line = [&](bool good, const std::string& what) {
    fmt::print("  {:<5} {}\n", good ? "ok" : "WRONG", what);
    wrong += good ? 0 : 1;
  };
  fmt::print("mobster {}\n", version());
  line(true, fmt::format("{} operators in the reference", all_ops().size()));
  const fs::path cache = cache_folder();
  line(::access(cache.c_str(), W_OK) == 0, "cache " + cache.string() + " can be written");
  struct statvfs space {};
  if (statvfs(cache.c_str(), &space) == 0) {
    const double free = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
    line(free > 1e9, show_bytes(free) + " free there");
  }
  if (statvfs("/dev/shm", &space) == 0)
    line(static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize) > 5e7,
         show_bytes(static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize)) +
             " of shared memory for saved models");
  line(true, fmt::format("{} processors", std::thread::hardware_concurrency()));
  bool any = false;
  for (const SystemSpec* spec : all_systems())
    for (const System& s : spec->installed()) {
      any = true;
      try {
        const System probed = with_limits(s);
        line(true, fmt::format("{} starts; newest opset {}, newest IR version {}", s.label(),
                               probed.max_opset, probed.max_ir));
      } catch (const UserError& e) {
        line(false, e.what());
      }
    }
  line(any, any ? "systems are installed" : "no system is installed: run scripts/setup");
  return wrong == 0 ? kNothingFound : kBadInput;
}

std::function<int()> set_up(CLI::App&) {
  return [] { return examine(); };
}

}  // namespace

namespace commands {
extern const Command doctor;
const Command doctor = {.name = "doctor",
                        .set_up = set_up,
                        .what = "Checks the installation, and starts every installed system once."};
}  // namespace commands

}  // namespace mob::cli
