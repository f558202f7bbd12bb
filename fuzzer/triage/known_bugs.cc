#include "fuzzer/triage/known_bugs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"

namespace mob {

namespace fs = std::filesystem;

std::vector<KnownBug> load_known_bugs(const fs::path& file) {
  std::vector<KnownBug> list;
  std::error_code none;
  if (!fs::exists(file, none)) return list;
  std::ifstream in(file);
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const auto text = [&](const char* key) {
      return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    if (!json.is_object() || text("signature").empty() || text("state").empty())
      throw UserError(file.string() + ":" + std::to_string(number) +
                      ": not a known bug; wanted is {\"signature\": ..., \"state\": ...} on one line");
    list.push_back({text("signature"), text("state"), text("reference"), text("because"), text("date")});
  }
  return list;
}

void add_known_bug(const fs::path& file, const KnownBug& bug) {
  const std::string line = nlohmann::ordered_json{{"signature", bug.signature},
                                                  {"state", bug.state},
                                                  {"reference", bug.reference},
                                                  {"because", bug.because},
                                                  {"date", bug.date}}
                               .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                           "\n";
  const int fd = open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  const bool written =
      fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) close(fd);
  if (!written) throw UserError(file.string() + ": cannot be written: " + std::strerror(why));
}

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<KnownBug> find_known(const std::vector<KnownBug>& known, const std::string& signature) {
  const auto at = std::find_if(known.rbegin(), known.rend(),
                               [&](const KnownBug& k) { return matches(k.signature, signature); });
  return at == known.rend() ? std::nullopt : std::optional(*at);
}

}  // namespace mob
