// mobster fuzz: a campaign.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"
#include "fuzzer/cli/campaign_words.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

constexpr double kEnlarged = 0.05;    // of the cases, where costs are measured
constexpr double kPlainSeconds = 10;  // between lines where there is no terminal

struct Words {
  std::string system = "onnxruntime";
  std::string duration;
  std::uint64_t cases = 0;
  std::uint64_t seed = 1;
  int jobs = 0;
  std::string out = "campaign";
  std::vector<std::string> corpus, motifs;
  std::string focus;
  std::vector<std::string> shares;
  std::string disk_budget = "2G";
  double triage_share = 0.2;
  bool measure = false;
  double deadline = 5;  // a small model takes milliseconds
  bool resume = false, quiet = false, json = false;
};

// "motif=0,mutant=1": the shares of the sources of cases.
void set_shares(const std::vector<std::string>& words, Policy& policy) {
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    const std::string key = word.substr(0, equals);
    double* share = key == "motif"     ? &policy.motif
                    : key == "mutant"  ? &policy.mutant
                    : key == "random"  ? &policy.random
                    : key == "derived" ? &policy.derived
                                       : nullptr;
    const char* number = equals == std::string::npos ? "" : word.c_str() + equals + 1;
    char* end = nullptr;
    const double value = std::strtod(number, &end);
    if (share == nullptr || end == number || *end != '\0' || !std::isfinite(value) || value < 0)
      throw UserError("--share " + word + ": write it as motif=N, mutant=N, random=N or derived=N");
    *share = value;
  }
  if (policy.motif + policy.mutant + policy.random <= 0)
    throw UserError("--share: motif, mutant and random are all 0, but derived cases need parents");
}

std::atomic<bool> stop_asked{false};
void ask_to_stop(int) {
  stop_asked = true;
}

// Prints as time goes by: in place on a terminal, else a line now and then.
class Display {
 public:
  explicit Display(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

  void show(const Status& s) {
    if (quiet_) return;
    if (!terminal_) {
      if (s.session_seconds - last_ >= kPlainSeconds) {
        fmt::print(stderr, "{}\n", status_line(s));
        last_ = s.session_seconds;
      }
      return;
    }
    winsize size{};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const std::size_t width = size.ws_col > 20 ? size.ws_col - 1 : 100;
    std::string text = drawn_ > 0 ? fmt::format("\x1b[{}A", drawn_) : "";
    const auto lines = status_lines(s, width);
    for (const std::string& line : lines) text += "\x1b[2K" + line + "\n";
    drawn_ = lines.size();
    fmt::print(stderr, "{}", text);
    std::fflush(stderr);
  }

 private:
  bool quiet_, terminal_;
  double last_ = -kPlainSeconds;
  std::size_t drawn_ = 0;
};

// The groups above are told apart in a hurry; how many bugs they are is for triage to say.
void print_triage_so_far(const std::filesystem::path& campaign) {
  const auto findings = find_findings({campaign.string()});
  const auto triaged = std::count_if(findings.begin(), findings.end(), is_triaged);
  const std::string dir = campaign.string();
  if (triaged > 0)
    fmt::print("{} of them are reduced by now, to {} bugs: mobster bugs {}\n", triaged,
               bugs_of(findings, {}).size(), dir);
  if (static_cast<std::size_t>(triaged) < findings.size())
    fmt::print("reduce the rest with: mobster triage {}\n", dir);
}

int fuzz(const Words& words) {
  CampaignOptions o;
  if (!words.duration.empty()) o.seconds = parse_duration(words.duration);
  o.cases = words.cases;
  if (o.seconds == 0 && o.cases == 0) throw UserError("fuzz: how long? Give --for 10m or --cases 10000");
  o.disk_budget = parse_size(words.disk_budget);
  set_shares(words.shares, o.source.generator.policy);
  if (!words.focus.empty()) o.source.focus = parse_focus(words.focus);
  o.source.corpus = load_seeds(words.corpus, words.seed);
  o.source.motifs = load_seeds(words.motifs, words.seed);
  const System system = with_limits(resolve_system(words.system));
  const Support support = probe_support(system);
  set_system(o, system, support);
  o.seed = words.seed;
  o.jobs = words.jobs;
  o.out = words.out;
  o.resume = words.resume;
  o.limits.cpu_seconds = words.deadline;
  o.limits.wall_seconds = 6 * words.deadline;
  o.triage_share = words.triage_share;
  o.measure = words.measure;
  if (words.measure) o.source.enlarged = kEnlarged;
  o.stop = &stop_asked;
  struct sigaction action = {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);  // a second one ends at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  Display display(words.quiet);
  Status last;
  const EndedBy ended = run_campaign(o, [&](const Status& s) {
    display.show(s);
    last = s;
  });
  if (words.json) {
    nlohmann::ordered_json out = status_json(last);
    out["ended_by"] = name(ended);
    fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}: {} in {}\n", name(ended), o.out.string(), show_time(last.seconds));
    for (const std::string& line : ledger_lines(last)) fmt::print("{}\n", line);
    fmt::print("{} distinct findings of class bug{}\n", last.groups.size(), last.groups.empty() ? "" : ":");
    for (const std::string& line : finding_lines(last)) fmt::print("{}\n", line);
    if (!last.groups.empty()) print_triage_so_far(o.out);
    if (ended == EndedBy::kSignal || ended == EndedBy::kTime)
      fmt::print(
          "go on with: mobster fuzz --resume --out {} and the same --system, --seed, --corpus, --motifs, "
          "--focus, --share\n",
          o.out.string());
  }
  return last.groups.empty() ? kNothingFound : kFindings;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--system", words->system,
                 "onnxruntime[@VERSION], or onnxruntime@/path/to/libonnxruntime.so")
      ->capture_default_str();
  app.add_option("--for", words->duration, "running time: 90s, 2m, 1h");
  app.add_option("--cases", words->cases, "number of cases, those before --resume included")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", words->seed, "the campaign is a function of it")->capture_default_str();
  app.add_option("--jobs", words->jobs, "cores to use (default: all); the results do not depend on it")
      ->check(CLI::Range(1, 1024));
  app.add_option("--out", words->out, "folder of the campaign: journal and findings")->capture_default_str();
  app.add_option("--corpus", words->corpus, "models or folders of models: seeds of mutants");
  app.add_option("--motifs", words->motifs,
                 "models (ONNX text or binary) that hold a pattern each: motifs of your own");
  app.add_option("--focus", words->focus, "pass:NAME, operator:NAME or motif:NAME");
  app.add_option("--share", words->shares,
                 "shares of the sources: motif=0.4 mutant=0.22 random=0.25 derived=0.13; with motif=0, "
                 "mutants have none "
                 "either; derived cases are pruned, quantized, fused or rewritten ones of the others")
      ->delimiter(',');
  app.add_option(
         "--triage-share", words->triage_share,
         "share of the cores that reduces findings and tells bugs apart meanwhile; 0: none (see triage)")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app.add_flag(
      "--measure", words->measure,
      "look for what optimization makes slower or hungrier, too, on some larger cases; such findings depend "
      "on the machine, so that two runs may differ");
  app.add_option("--disk-budget", words->disk_budget, "the campaign ends when its folder has grown to this")
      ->capture_default_str();
  app.add_option("--deadline", words->deadline,
                 "CPU seconds that loading or running one configuration may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--resume", words->resume, "go on with the campaign in --out");
  app.add_flag("--quiet", words->quiet, "no status while it runs");
  app.add_flag("--json", words->json, "the result as JSON on standard output");
  return [words] { return fuzz(*words); };
}

}  // namespace

namespace commands {
extern const Command fuzz;
const Command fuzz = {.name = "fuzz", .set_up = set_up, .what = "Hunts for bugs of a system's optimizer."};
}  // namespace commands

}  // namespace mob::cli
