// mobster gate: one command for a project's CI. Replays the regression corpus, fuzzes, and fails on what is
// new.
#include "fuzzer/campaign/gate.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "corpus/regression_corpus.h"
#include "corpus/replay_reports.h"
#include "fuzzer/base/check.h"
#include "fuzzer/cli/campaign_words.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/library_version.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/report/html.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::string corpus, system = "onnxruntime", baseline, known, duration = "10m", out = "gate";
  std::uint64_t cases = 0, seed = 1;
  int jobs = 0;
};

// Artefacts of an earlier run would be taken for this one's.
void want_new_folder(const fs::path& out) {
  std::error_code error;
  if (fs::exists(out, error) && !fs::is_empty(out, error))
    throw UserError(out.string() + ": is not an empty folder: give another --out, or remove it");
}

std::vector<RegressionCase> read_given_corpus(const std::string& corpus) {
  if (corpus.empty()) return {};
  std::vector<RegressionCase> cases = read_corpus(corpus);
  if (cases.empty()) throw UserError(corpus + ": no regression case is here: see mobster corpus add");
  return cases;
}

// The file of known bugs; it need not be there where nobody named it.
fs::path known_file(const Words& words) {
  if (words.known.empty()) return words.corpus.empty() ? "" : fs::path(words.corpus) / "known_bugs.jsonl";
  if (std::error_code none; !fs::exists(words.known, none)) throw UserError(words.known + ": no such file");
  return words.known;
}

// What the campaign made stays in campaign/; beside it what CI systems and people look at.
void write_artefacts(const fs::path& out, const fs::path& known, const GateOptions& o, const GateResult& g) {
  const ReplayOf of{.system = o.campaign.system.label(), .baseline = o.baseline ? o.baseline->label() : ""};
  const auto [cases, replayed] = as_replayed(o, g);
  write_file_whole(out / "junit.xml", junit_xml(of, cases, replayed));
  write_file_whole(out / "results.sarif", sarif(of, cases, replayed).dump(1) + "\n");
  write_file_whole(out / "summary.md", gate_markdown(o, g));
  write_file_whole(out / "report.html", html_report(read_report({o.campaign.out.string()}, known), {}));
  try {
    for (const GateFinding* f : g.news()) {
      fs::create_directories(out / "new");
      fs::copy(f->found.folder, out / "new" / f->found.name, fs::copy_options::recursive);
    }
  } catch (const fs::filesystem_error& e) {
    throw UserError((out / "new").string() + ": cannot be written: " + e.code().message());
  }
}

int run_gate(const Words& words) {
  GateOptions o;
  CampaignOptions& campaign = o.campaign;
  campaign.cases = words.cases;
  campaign.seconds = words.cases > 0 ? 0 : parse_duration(words.duration);
  campaign.seed = words.seed;
  campaign.jobs = words.jobs;
  campaign.limits = {.cpu_seconds = 5, .wall_seconds = 30};  // as fuzz has it
  campaign.out = fs::path(words.out) / "campaign";
  want_new_folder(words.out);
  o.corpus = read_given_corpus(words.corpus);
  if (!words.corpus.empty()) campaign.source.corpus = load_seeds({words.corpus}, words.seed);
  const fs::path known = known_file(words);
  o.known = load_known_bugs(known);
  const System system = with_limits(resolve_system(words.system));
  o.version = plain_version(system);
  if (!words.baseline.empty()) o.baseline = with_limits(resolve_system(words.baseline));
  const Support support = probe_support(system);
  set_system(campaign, system, support);
  const GateResult g = gate(o, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  write_artefacts(words.out, known, o, g);
  for (const std::string& line : gate_lines(o, g)) fmt::print("{}\n", line);
  return g.fails() ? kFindings : kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--corpus", words->corpus,
                 "regression corpus: replayed, and its models are seeds of mutants (corpus/regressions)");
  app.add_option("--system", words->system,
                 "what is checked: onnxruntime@/path/to/libonnxruntime.so, or onnxruntime[@VERSION]")
      ->capture_default_str();
  app.add_option("--baseline", words->baseline,
                 "another version or build: what it shows, too, is not new (onnxruntime@1.31.1)");
  app.add_option("--known", words->known,
                 "file of known bugs, which are not new (default: known_bugs.jsonl in the corpus)");
  app.add_option("--for", words->duration, "time to fuzz for: 90s, 10m; replaying and reducing come on top")
      ->capture_default_str();
  app.add_option("--cases", words->cases, "number of cases, in place of a time");
  app.add_option("--seed", words->seed, "of the campaign; another one each run sees other cases")
      ->capture_default_str();
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  app.add_option(
         "--out", words->out,
         "folder to be made: summary.md, report.html, junit.xml, results.sarif, new/ (findings), campaign/")
      ->capture_default_str();
  app.footer(
      "Exit codes: 1 when a case of the corpus is newly broken, or fuzzing finds a bug that is neither in "
      "the "
      "corpus, nor known, nor in the baseline; else 0; 2 on trouble.");
  return [words] { return run_gate(*words); };
}

}  // namespace

namespace commands {
extern const Command gate;
const Command gate = {.name = "gate",
                      .set_up = set_up,
                      .what = "Replays a corpus, fuzzes, and fails on what is new: for a project's CI."};
}  // namespace commands

}  // namespace mob::cli
