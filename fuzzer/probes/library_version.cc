#include "fuzzer/probes/library_version.h"

#include <array>
#include <cstdio>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

// For the shell.
std::string quoted(const std::string& word) {
  return "'" + join(split(word, '\''), R"('\'')") + "'";
}

}  // namespace

std::string plain_version(const System& system) {
  if (system.version.find('/') == std::string::npos) return system.version;
  std::string command;
  for (const std::string& part : system.command) command += quoted(part) + " ";
  FILE* pipe = popen((command + "--version 2>/dev/null").c_str(), "r");
  std::array<char, 256> text{};
  std::string said;
  if (pipe != nullptr) {
    while (std::fgets(text.data(), text.size(), pipe) != nullptr) said += text.data();
    if (pclose(pipe) != 0) said.clear();
  }
  said = one_line(said, 100);
  if (said.empty() || said.find('/') != std::string::npos)
    throw UserError(system.label() + ": does not say which version it is");
  return said;
}

}  // namespace mob
