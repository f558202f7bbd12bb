#include "fuzzer/report/markdown.h"

#include <fmt/format.h>

#include "fuzzer/base/check.h"
#include "fuzzer/base/markdown.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/report/issue_text.h"
#include "fuzzer/report/terminal.h"

namespace mob {
namespace {

constexpr std::size_t kMostFiles = 20 << 10;  // bytes: an issue holds 65,536 letters
constexpr std::size_t kMostText = 10000;

std::string cell(std::string_view text) {
  return markdown_escaped(text, 120);
}

std::string issue(const ReportFinding& f) {
  std::string model;
  try {
    model = to_text(load_model(f.shown / "model.onnx"));
  } catch (const UserError&) {  // told by the script's absence
  }
  if (model.size() > kMostText) model.clear();
  return "# " + cell(issue_title(f)) + "\n\n" +
         issue_text(f, short_script(f, repro_files(f, kMostFiles)), model);
}

std::string ledger_table(const ReportData& data) {
  std::string text = "## Ledger\n\n| cases | ending | reason |\n|--:|---|---|\n";
  for (const auto& [key, cases] : data.status->ledger)
    text += fmt::format("| {} | {} | {} |\n", cases, key.first, cell(key.second));
  return text + fmt::format("| **{}** | sum of {} cases | |\n\n", data.ledger_sum(), data.status->cases);
}

std::string bug_table(const ReportData& data) {
  std::string text =
      "## Bugs\n\n| findings | symptom | optimizer | operators | nodes | guard | versions | known |\n"
      "|--:|---|---|---|--:|---|---|---|\n";
  for (const ReportBug& bug : data.bugs) {
    const ReportFinding& f = data.findings[bug.findings.front()];
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", bug.findings.size(), f.symptom,
                        cell(f.passes.empty() ? "-" : f.passes.front()), cell(join(f.operators, " ")),
                        f.nodes, cell(f.guard), cell(f.versions), cell(known_words(bug)));
  }
  return text;
}

}  // namespace

std::string markdown_report(const ReportData& data) {
  if (data.findings.size() == 1 && !data.status) return issue(data.findings.front());
  std::string text = "# " + cell(data.title) + "\n\n" + sums_line(data) + "\n\n";
  if (data.status) {
    text += "```\n";
    for (const std::string& line : status_lines(*data.status)) text += line + "\n";
    text += "```\n\n" + ledger_table(data);
  }
  return text + bug_table(data);
}

}  // namespace mob
