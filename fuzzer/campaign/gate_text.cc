#include <fmt/format.h>

#include <algorithm>

#include "fuzzer/base/markdown.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/gate.h"
#include "fuzzer/campaign/status_text.h"

namespace mob {
namespace {

std::size_t count(const GateResult& g, Novelty n) {
  return static_cast<std::size_t>(std::count_if(g.findings.begin(), g.findings.end(),
                                                [&](const GateFinding& f) { return f.novelty == n; }));
}

// "68 cases: 1 newly broken, 0 newly fixed, ...": all counts, so that they sum up.
std::string corpus_sums(const GateResult& g) {
  std::vector<std::string> sums;
  for (const Change c : kAllChanges)
    sums.push_back(fmt::format(
        "{} {}",
        std::count_if(g.corpus.begin(), g.corpus.end(), [&](const Replayed& r) { return r.change == c; }),
        name(c)));
  return fmt::format("{} cases: {}", g.corpus.size(), join(sums, ", "));
}

std::string findings_sums(const GateResult& g) {
  std::vector<std::string> sums;
  for (const Novelty n : kAllNovelties) sums.push_back(fmt::format("{} {}", count(g, n), name(n)));
  return fmt::format("{} findings: {}", g.findings.size(), join(sums, ", "));
}

std::string verdict(const GateResult& g) {
  const auto broken =
      std::count_if(g.corpus.begin(), g.corpus.end(), [](const Replayed& r) { return r.fails; });
  if (!g.fails()) return "nothing new";
  return fmt::format("{} cases of the corpus newly broken, {} new bugs", broken, g.news().size());
}

std::string what_it_is(const GateFinding& f) {
  const bool reduced = f.triaged && f.triaged->reduced;
  const std::vector<std::string>&passes = reduced ? f.triaged->passes : f.found.passes,
        &operators = reduced ? f.triaged->operators : f.found.operators;
  return fmt::format("{}  {}  {}", f.found.symptom,
                     passes.empty() ? "no single optimizer cures it" : passes.front(), join(operators, " "));
}

// What is known beside that of a new finding, joined.
std::string why_new(const GateOptions& o, const GateFinding& f) {
  using Result = AtVersion::Result;
  std::string words = f.why;
  if (!f.baseline) return words;
  if (!words.empty()) words += "; ";
  const std::string there = o.baseline->label();
  if (f.baseline->result == Result::kGood) return words + "good in " + there;
  if (f.baseline->result == Result::kBad) return words + f.baseline->symptom + " in " + there;
  return words + there + " cannot tell: " + one_line(f.baseline->why, 200);
}

std::string system_words(const GateOptions& o) {
  const System& s = o.campaign.system;
  std::string words = s.label();
  if (s.version != o.version) words += " (" + o.version + ")";
  return o.baseline ? words + " against " + o.baseline->label() : words;
}

}  // namespace

std::vector<std::string> gate_lines(const GateOptions& o, const GateResult& g) {
  std::vector<std::string> lines = {system_words(o), "corpus    " + corpus_sums(g)};
  for (std::size_t i = 0; i < g.corpus.size(); ++i) {
    if (!g.corpus[i].fails) continue;
    lines.push_back("  newly broken  " + o.corpus[i].name);
    lines.push_back("                " + one_line(g.corpus[i].words, 200));
  }
  lines.push_back(fmt::format("campaign  {} cases in {}, {}", g.status.cases, show_time(g.status.seconds),
                              findings_sums(g)));
  for (const GateFinding* f : g.news()) {
    lines.push_back("  new  " + what_it_is(*f));
    if (const std::string why = why_new(o, *f); !why.empty()) lines.push_back("       " + why);
    lines.push_back("       " + f->found.folder.string());
  }
  lines.push_back(verdict(g));
  for (std::string& line : lines) line = one_line(line, 1000);
  return lines;
}

std::string gate_markdown(const GateOptions& o, const GateResult& g) {
  std::string out =
      fmt::format("## mobster gate: {}\n\n{}\n\n- corpus: {}\n- campaign: {} cases in {}, seed {}\n- {}\n",
                  verdict(g), markdown_escaped(system_words(o)), corpus_sums(g), g.status.cases,
                  show_time(g.status.seconds), o.campaign.seed, findings_sums(g));
  if (std::any_of(g.corpus.begin(), g.corpus.end(), [](const Replayed& r) { return r.fails; })) {
    out += "\n### Newly broken\n\n| case | what it does |\n|---|---|\n";
    for (std::size_t i = 0; i < g.corpus.size(); ++i)
      if (g.corpus[i].fails)
        out += fmt::format("| {} | {} |\n", markdown_escaped(o.corpus[i].name),
                           markdown_escaped(g.corpus[i].words));
  }
  if (const auto news = g.news(); !news.empty()) {
    out += "\n### New bugs\n\n| what | guard | finding |\n|---|---|---|\n";
    for (const GateFinding* f : news)
      out += fmt::format("| {} | {} | {} |\n", markdown_escaped(what_it_is(*f)),
                         markdown_escaped(why_new(o, *f)), markdown_escaped("new/" + f->found.name));
    out +=
        "\nTo see one: `python repro.py` in its folder. To take it for known: `mobster corpus add` or "
        "`mobster dismiss`.\n";
  }
  return out;
}

std::pair<std::vector<RegressionCase>, std::vector<Replayed>> as_replayed(const GateOptions& o,
                                                                          const GateResult& g) {
  std::pair<std::vector<RegressionCase>, std::vector<Replayed>> all = {o.corpus, g.corpus};
  for (const GateFinding* f : g.news()) {
    all.first.push_back(f->found);
    all.second.push_back(
        {.change = Change::kNewlyBroken,
         .at = {.version = o.version, .result = AtVersion::Result::kBad, .symptom = f->found.symptom},
         .words = "found by fuzzing: " + what_it_is(*f) + "; " + why_new(o, *f),
         .fails = true});
  }
  return all;
}

}  // namespace mob
