// A small campaign's folder for reports: triaged, known and untriaged findings, and names that want to be
// markup.
#pragma once

#include <filesystem>

#include "corpus/finding_folder.h"
#include "fuzzer/campaign/journal.h"
#include "fuzzer/triage/known_bugs.h"
#include "tests/fakes/case_of.h"
#include "tests/fakes/fake_system.h"

namespace mob {

// As a name of a value, a message, a reason, or a motif.
inline constexpr const char* kHostile = "</script><img src=x onerror=alert(1)><!--'\"&amp;";
// A folder can have no '/' in its name.
inline constexpr const char* kHostileFolder = "crash-<img src=x onerror=alert(2)>";

class PlantedCampaign {
 public:
  explicit PlantedCampaign(const std::filesystem::path& folder)
      : folder_(folder),
        judge_(fake_system("swapped-operands"), {.configurations = thorough_configurations()}) {
    journal();
    add_finding("wrong-numbers-two-bugs", 2, "");
    reduce("wrong-numbers-two-bugs", "wrong-numbers | fake | FakePass | Sub:float");
    add_finding("wrong-numbers-again", 3, "again");
    reduce("wrong-numbers-again", "wrong-numbers | fake | FakePass | Sub:float");
    add_finding(kHostileFolder, 4, kHostile);
    add_known_bug(folder / "known_bugs.jsonl",
                  {"wrong-numbers | fake |*", "dismissed", "upstream#1", kHostile, "2026-11-21"});
  }

 private:
  Case difference(const std::string& name) {
    Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y) { d = Sub (x, w) y = Tanh (d) })");
    if (!name.empty()) c.model.graph.values[static_cast<std::size_t>(c.model.graph.find("d"))].name = name;
    if (!name.empty()) c.model.graph.nodes[0].name = name;
    return c;
  }

  FindingRecord record(const Case& c, Judged& judged) {
    judged = judge_.judge(c);
    const std::size_t bad = lowest_bad(judged);
    return {.c = &c,
            .judged = &judged,
            .cause = {.bad = judged.configurations[bad], .cures = {"FakePass"}},
            .optimized = serialize(c.model),
            .system = "fake",
            .version = "swapped-operands",
            .seed = 3};
  }

  void add_finding(const std::string& name, std::uint64_t index, const std::string& words) {
    const Case c = difference(words);
    Judged judged;
    FindingRecord r = record(c, judged);
    if (!words.empty()) judged.verdict.finding->message = words;
    r.name = name;
    r.motif = words.empty() ? "difference" : words;
    r.index = index;
    r.signature = "group of " + name;
    write_finding(folder_ / "findings", r);
  }

  void reduce(const std::string& name, const std::string& signature) {
    const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y) { y = Sub (x, w) })");
    Judged judged;
    FindingRecord r = record(c, judged);
    Blame blame;
    blame.versions.table = {{.version = "1.9", .result = AtVersion::Result::kGood},
                            {.version = "1.10", .result = AtVersion::Result::kBad}};
    blame.versions.words = "good 1.9, bad from 1.10 on";
    blame.finding = judged.verdict.finding;
    blame.culprit = Culprit::kOptimizer;
    r.name = "reduced";
    r.signature = signature;
    r.blame = &blame;
    r.reduced = true;
    write_finding(folder_ / "findings" / name, r);
  }

  void journal() {
    Journal j(folder_, Journal::Mode::kCreate,
              {{"system", "fake@swapped-operands"}, {"seed", "3"}, {"jobs", "1"}});
    j.begin();
    const Entry entries[] = {{Ending::kAgree, ""},
                             {Ending::kRejected, kHostile},
                             {Ending::kFinding, "bug wrong-numbers"},
                             {Ending::kFinding, "bug wrong-numbers"},
                             {Ending::kFinding, "bug crash"},
                             {Ending::kSkipped, "all vague"},
                             {Ending::kAgree, ""}};
    for (std::uint64_t i = 0; i < std::size(entries); ++i) j.append(i, entries[i]);
    Tally tally;
    tally.reach[{"operator", "Sub"}] = 5;
    tally.reach[{"motif", kHostile}] = 1;
    j.add_tally(tally);
    for (int t = 1; t < 5; ++t)
      j.add_progress({t * 1.0, static_cast<std::uint64_t>(t) * 2, 1, 1, 1000, 1000});
    j.commit();
  }

  std::filesystem::path folder_;
  Judge judge_;
};

}  // namespace mob
