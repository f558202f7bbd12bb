#include "fuzzer/report/terminal.h"

#include <fmt/format.h>

#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"

namespace mob {
namespace {

constexpr std::size_t kWidth = 100;

std::string cut(std::string line) {
  line = one_line(line, 1000);
  return (line.size() > kWidth ? line.substr(0, kWidth - 3) + "..." : line) + "\n";
}

std::string bug_lines(const ReportData& data, const ReportBug& bug) {
  const ReportFinding& f = data.findings[bug.findings.front()];
  std::string text = cut(fmt::format("{:>5}  {}  {}  {}", bug.findings.size(), f.symptom,
                                     f.passes.empty() ? "-" : f.passes.front(), join(f.operators, " ")));
  const std::string state = f.triaged ? f.why_not : "not triaged";
  for (const std::string& line : {known_words(bug), state, f.guard, f.versions, f.message, f.shown.string()})
    if (!line.empty()) text += cut("       " + line);
  return text;
}

}  // namespace

std::string sums_line(const ReportData& data) {
  std::size_t triaged_bugs = 0;
  for (const ReportBug& b : data.bugs) triaged_bugs += data.findings[b.findings.front()].triaged;
  std::string text = fmt::format("{} bugs of {} triaged findings", triaged_bugs, data.triaged());
  if (const std::size_t n =
          data.bugs_in_state("known") + data.bugs_in_state("reported") + data.bugs_in_state("fixed"))
    text += fmt::format(", {} known", n);
  if (const std::size_t n = data.bugs_in_state("dismissed")) text += fmt::format(", {} dismissed", n);
  if (const std::size_t n = data.findings.size() - data.triaged())
    text += fmt::format("; {} findings not triaged", n);
  if (!data.broken.empty()) text += fmt::format("; {} cannot be read", data.broken.size());
  return text;
}

std::string terminal_report(const ReportData& data) {
  std::string text;
  if (data.status) {
    for (const std::string& line : status_lines(*data.status, kWidth)) text += line + "\n";
    text += "\n";
    for (const std::string& line : ledger_lines(*data.status)) text += cut(line);
    text += "\n";
  }
  for (const ReportBug& bug : data.bugs) text += bug_lines(data, bug);
  for (const std::string& line : data.broken) text += cut("cannot be read: " + line);
  return text + sums_line(data) + "\n";
}

}  // namespace mob
