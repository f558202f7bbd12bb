#include "corpus/replay_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

using Json = nlohmann::ordered_json;

// Valid UTF-8 without control characters, nor the two codes that are no characters.
std::string plain_text(const std::string& text) {
  std::string valid =
      Json::parse(Json(one_line(text, 2000)).dump(-1, ' ', false, Json::error_handler_t::replace));
  for (const char* none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
    for (auto at = valid.find(none); at != std::string::npos; at = valid.find(none)) valid.erase(at, 3);
  return valid;
}

std::string uri_of(const std::filesystem::path& path) {
  static constexpr std::string_view kPlain = "/-._~";
  std::string uri;
  for (const unsigned char c : path.lexically_normal().generic_string())
    if (std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != std::string_view::npos)
      uri += static_cast<char>(c);
    else
      uri += fmt::format("%{:02X}", c);
  return uri;
}

std::string message_of(const RegressionCase& c, const Replayed& r, const ReplayOf& of) {
  const std::string what = std::string(name(r.change)) + " in " + of.system +
                           (of.baseline.empty() ? "" : " against " + of.baseline) + ": " + c.name;
  return plain_text(r.words.empty() ? what : what + ": " + r.words);
}

std::string_view symptom_of(const RegressionCase& c, const Replayed& r) {
  return r.at.symptom.empty() ? c.symptom : r.at.symptom;
}

}  // namespace

std::string junit_xml(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                      const std::vector<Replayed>& replayed) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  auto suite = document.append_child("testsuites").append_child("testsuite");
  const std::string title =
      plain_text("mobster replay " + of.system + (of.baseline.empty() ? "" : " against " + of.baseline));
  suite.append_attribute("name") = title.c_str();
  auto tests = suite.append_attribute("tests"), failures = suite.append_attribute("failures"),
       skipped = suite.append_attribute("skipped");
  suite.append_attribute("errors") = 0;
  unsigned failed = 0, untold = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Replayed& r = replayed[i];
    auto test = suite.append_child("testcase");
    test.append_attribute("classname") = plain_text(of.system).c_str();
    test.append_attribute("name") = plain_text(cases[i].name).c_str();
    test.append_attribute("time") = 0;
    const std::string message = message_of(cases[i], r, of);
    if (r.fails || r.change == Change::kCannotTell) {
      auto outcome = test.append_child(r.fails ? "failure" : "skipped");
      outcome.append_attribute("message") = message.c_str();
      ++(r.fails ? failed : untold);
      if (r.fails) {
        outcome.append_attribute("type") = std::string(symptom_of(cases[i], r)).c_str();
        outcome.text() = plain_text(cases[i].signature + " - " + cases[i].folder.string()).c_str();
      }
    } else {
      test.append_child("system-out").text() = message.c_str();
    }
  }
  tests = static_cast<unsigned>(cases.size());
  failures = failed;
  skipped = untold;
  std::ostringstream out;
  document.save(out, " ");
  return out.str();
}

nlohmann::ordered_json sarif(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                             const std::vector<Replayed>& replayed) {
  struct Rule {
    const char *id, *what;
  };
  static constexpr Rule kRules[] = {
      {"crash", "Loading or running the model fails only when it is optimized."},
      {"hang", "Loading or running the model does not end only when it is optimized."},
      {"wrong-structure", "Optimizing the model changes number, types or shapes of its outputs."},
      {"wrong-numbers", "Optimizing the model makes its outputs wrong."},
      {"nondeterminism", "Two runs of the optimized model differ."}};
  Json rules = Json::array(), results = Json::array();
  for (const Rule& r : kRules) rules.push_back({{"id", r.id}, {"shortDescription", {{"text", r.what}}}});
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Replayed& r = replayed[i];
    if (r.change == Change::kStillGood) continue;
    Json result = {{"ruleId", symptom_of(cases[i], r)}};
    const auto* rule = std::find_if(std::begin(kRules), std::end(kRules),
                                    [&](const Rule& k) { return result["ruleId"] == k.id; });
    if (rule != std::end(kRules)) result["ruleIndex"] = rule - std::begin(kRules);
    const bool bad = r.change == Change::kNewlyBroken || r.change == Change::kStillBad;
    result["kind"] = bad ? "fail" : r.change == Change::kCannotTell ? "open" : "pass";
    result["level"] = r.fails ? "error" : bad ? "note" : "none";
    result["message"] = {{"text", message_of(cases[i], r, of)}};
    const Json artifact = {{"uri", uri_of(cases[i].folder / "model.onnx")}};
    result["locations"] = Json::array({{{"physicalLocation", {{"artifactLocation", artifact}}}}});
    result["partialFingerprints"] = {{"mobsterSignature/v1", plain_text(cases[i].signature)}};
    if (r.change != Change::kCannotTell)
      result["baselineState"] = r.change == Change::kNewlyBroken  ? "new"
                                : r.change == Change::kNewlyFixed ? "absent"
                                                                  : "unchanged";
    if (bad && !r.fails)
      result["suppressions"] =
          Json::array({{{"kind", "external"},
                        {"justification", of.baseline.empty() ? "known to the corpus to be bad"
                                                              : "bad in the baseline, too"}}});
    results.push_back(std::move(result));
  }
  const Json driver = {{"name", "mobster"}, {"version", version()}, {"rules", rules}};
  const Json run = {{"tool", {{"driver", driver}}},
                    {"invocations", Json::array({{{"executionSuccessful", true}}})},
                    {"results", results}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({run})}};
}

}  // namespace mob
