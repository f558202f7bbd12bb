// Includes point one way only: a room sees those that stand above it in this table (DESIGN, "Rooms").
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace {

namespace fs = std::filesystem;

// From the ground up. A room may include itself and every room before it.
const std::vector<std::string> kRooms = {
    "fuzzer/base",   "fuzzer/graph",   "fuzzer/ops",      "fuzzer/reference", "fuzzer/generator",
    "mutators",      "fuzzer/runtime", "fuzzer/probes",   "oracles",          "fuzzer/triage",
    "fuzzer/repair", "corpus",         "fuzzer/campaign", "fuzzer/report",    "fuzzer/cli"};
// Arrows that the order allows but the house does not.
const std::set<std::pair<std::string, std::string>> kForbidden = {{"oracles", "mutators"},
                                                                  {"mutators", "oracles"}};
// Libraries that only one room sees.
const std::map<std::string, std::set<std::string>> kOnlyIn = {
    {"onnx/", {"fuzzer/graph"}},    {"onnxruntime_c_api.h", {"fuzzer/runtime"}},
    {"tbb/", {"fuzzer/campaign"}},  {"soci/", {"fuzzer/campaign"}},
    {"pugixml.hpp", {"corpus"}},    {"archive.h", {"corpus"}},
    {"archive_entry.h", {"corpus"}}};

std::string room_of(const std::string& path) {
  std::string best;
  for (const std::string& r : kRooms)
    if (path.starts_with(r + "/") && r.size() > best.size()) best = r;
  return best;
}

std::size_t height(const std::string& room) {
  return static_cast<std::size_t>(std::find(kRooms.begin(), kRooms.end(), room) - kRooms.begin());
}

TEST(Layers, IncludesPointOneWayOnly) {
  const fs::path root = MOBSTER_SOURCE;
  const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::size_t files = 0, arrows = 0;
  for (const char* top : {"fuzzer", "mutators", "oracles", "corpus"}) {
    if (!fs::exists(root / top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const std::string ending = entry.path().extension();
      if (ending != ".cc" && ending != ".h") continue;
      const std::string path = fs::relative(entry.path(), root), from = room_of(path);
      ASSERT_NE(from, "") << path << " lies in no room of the table";
      ++files;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        std::smatch m;
        if (!std::regex_search(line, m, include)) continue;
        const std::string what = m[1];
        for (const auto& [prefix, rooms] : kOnlyIn) {
          if (what.starts_with(prefix)) {
            EXPECT_TRUE(rooms.contains(from)) << path << " includes " << what;
          }
        }
        const std::string to = room_of(what);
        if (to.empty()) continue;
        ++arrows;
        EXPECT_LE(height(to), height(from)) << path << " includes " << what;
        EXPECT_FALSE(kForbidden.contains({from, to})) << path << " includes " << what;
      }
    }
  }
  EXPECT_GT(files, 50u);
  EXPECT_GT(arrows, 100u);
}

// A file without a row would compile in silence, so the rows are held against the files.
void rows_match_files(const std::string& def, const std::string& macro, const std::string& folder,
                      const std::set<std::string>& not_members) {
  const fs::path root = MOBSTER_SOURCE;
  std::set<std::string> rows, files;
  std::ifstream in(root / def);
  ASSERT_TRUE(in) << def;
  const std::regex row("^" + macro + R"(\((\w+))");
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (std::regex_search(line, m, row)) {
      EXPECT_TRUE(rows.insert(m[1]).second) << def << " names " << m[1] << " twice";
    }
  }
  for (const auto& entry : fs::directory_iterator(root / folder))
    if (entry.path().extension() == ".cc" && !not_members.contains(entry.path().stem()))
      files.insert(entry.path().stem());
  EXPECT_EQ(rows, files) << def << " against the files of " << folder;
}

// Files of a folder that have a header: what they hold is shared by members.
std::set<std::string> with_headers(const std::string& folder) {
  std::set<std::string> stems;
  for (const auto& entry : fs::directory_iterator(fs::path(MOBSTER_SOURCE) / folder))
    if (entry.path().extension() == ".h") stems.insert(entry.path().stem());
  return stems;
}

TEST(Registry, EveryMemberHasItsRow) {
  rows_match_files(
      "fuzzer/ops/all.def", "OPS", "fuzzer/ops",
      {"expected", "kernels", "op_spec", "table", "known_limits", "quantize", "regex", "contrib"});
  rows_match_files("oracles/all.def", "ORACLE", "oracles", with_headers("oracles"));
  std::set<std::string> no_mutators = with_headers("mutators");
  no_mutators.insert({"settle", "splice"});  // mutator.h
  no_mutators.insert({"forms_activation", "forms_attention", "forms_find", "forms_layout", "forms_norm",
                      "forms_reduction"});  // forms.h
  rows_match_files("mutators/all.def", "MUTATOR", "mutators", no_mutators);
  rows_match_files("fuzzer/generator/motifs/all.def", "MOTIFS", "fuzzer/generator/motifs", {"motif", "qdq"});
  rows_match_files("fuzzer/cli/all.def", "COMMAND", "fuzzer/cli",
                   {"main", "bug_table", "versions", "campaign_words", "corpus_add", "corpus_versions",
                    "corpus_exchange"});
  rows_match_files("fuzzer/triage/shrink/all.def", "SHRINK", "fuzzer/triage/shrink", {"edits", "table"});
  rows_match_files("fuzzer/triage/neighbours/all.def", "NEIGHBOUR", "fuzzer/triage/neighbours",
                   {"neighbourhood", "table"});
  rows_match_files("fuzzer/runtime/all.def", "SYSTEM", "fuzzer/runtime",
                   {"system", "outcome", "worker", "onnxruntime_worker_main"});
}

}  // namespace
