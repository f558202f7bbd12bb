// mobster report DIR...: what a campaign found, for people.
#include <fmt/format.h>

#include <fstream>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"
#include "fuzzer/cli/bug_table.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/report/html.h"
#include "fuzzer/report/markdown.h"
#include "fuzzer/report/terminal.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> folders;
  std::string known, out, format = "html";
};

// What goes to a file when it was asked for, else to standard output.
void put(const Words& words, const std::string& text) {
  if (words.out.empty())
    fmt::print("{}", text);
  else
    write_file_whole(words.out, text);
}

int report(const Words& words) {
  const ReportData data = read_report(words.folders, known_bugs_file(words.folders, words.known));
  if (words.format == "html") {
    const fs::path out =
        words.out.empty() ? fs::path(words.folders.front()) / "report.html" : fs::path(words.out);
    std::size_t shown = 0;
    write_file_whole(out, html_report(data, {}, &shown));
    fmt::print("{}\n{}\n", out.string(), sums_line(data));
    if (shown < data.findings.size())
      fmt::print("{} findings have all their details in it; of another one: mobster report FINDING\n", shown);
  } else {
    put(words, words.format == "markdown" ? markdown_report(data) : terminal_report(data));
  }
  return data.findings.empty() ? kNothingFound : kFindings;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("DIR", words->folders, "folders of campaigns, running or ended, or of findings")->required();
  app.add_option("-o,--out", words->out,
                 "file to write (default: DIR/report.html; others go to standard output)");
  app.add_option("--format", words->format, "html, markdown or terminal")
      ->capture_default_str()
      ->check(CLI::IsMember({"html", "markdown", "terminal"}));
  app.add_option("--known", words->known, "file of known bugs (default: known_bugs.jsonl in the first DIR)");
  return [words] { return report(*words); };
}

}  // namespace

namespace commands {
extern const Command report;
const Command report = {
    .name = "report", .set_up = set_up, .what = "Writes what campaigns found as a page, Markdown or text."};
}  // namespace commands

}  // namespace mob::cli
