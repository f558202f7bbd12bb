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

void add_test(pugi::xml_node suite, const ReplayOf& of, const RegressionCase& c, const Replayed& r) {
  auto test = suite.append_child("testcase");
  test.append_attribute("classname") = plain_text(of.system).c_str();
  test.append_attribute("name") = plain_text(c.name).c_str();
  test.append_attribute("time") = 0;
  const std::string message = message_of(c, r, of);
  if (!r.fails && r.change != Change::kCannotTell) {
    test.append_child("system-out").text() = message.c_str();
    return;
  }
  auto outcome = test.append_child(r.fails ? "failure" : "skipped");
  outcome.append_attribute("message") = message.c_str();
  if (!r.fails) return;
  outcome.append_attribute("type") = std::string(symptom_of(c, r)).c_str();
  outcome.text() = plain_text(c.signature + " - " + c.folder.string()).c_str();
}

struct Rule {
  const char *id, *what;
};
constexpr Rule kRules[] = {
    {"crash", "Loading or running the model fails only when it is optimized."},
    {"hang", "Loading or running the model does not end only when it is optimized."},
    {"wrong-structure", "Optimizing the model changes number, types or shapes of its outputs."},
    {"wrong-numbers", "Optimizing the model makes its outputs wrong."},
    {"nondeterminism", "Two runs of the optimized model differ."}};

Json sarif_result(const ReplayOf& of, const RegressionCase& c, const Replayed& r) {
  Json result = {{"ruleId", symptom_of(c, r)}};
  for (std::size_t i = 0; i < std::size(kRules); ++i)
    if (result["ruleId"] == kRules[i].id) result["ruleIndex"] = i;
  const bool bad = r.change == Change::kNewlyBroken || r.change == Change::kStillBad;
  result["kind"] = bad ? "fail" : r.change == Change::kCannotTell ? "open" : "pass";
  result["level"] = r.fails ? "error" : bad ? "note" : "none";
  result["message"] = {{"text", message_of(c, r, of)}};
  const Json artifact = {{"uri", uri_of(c.folder / "model.onnx")}};
  result["locations"] = Json::array({{{"physicalLocation", {{"artifactLocation", artifact}}}}});
  result["partialFingerprints"] = {{"mobsterSignature/v1", plain_text(c.signature)}};
  if (r.change != Change::kCannotTell)
    result["baselineState"] = r.change == Change::kNewlyBroken  ? "new"
                              : r.change == Change::kNewlyFixed ? "absent"
                                                                : "unchanged";
  if (bad && !r.fails)
    result["suppressions"] =
        Json::array({{{"kind", "external"},
                      {"justification",
                       of.baseline.empty() ? "known to the corpus to be bad" : "bad in the baseline, too"}}});
  return result;
}

}  // namespace

std::string junit_xml(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                      const std::vector<Replayed>& replayed) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  auto suite = document.append_child("testsuites").append_child("testsuite");
  suite.append_attribute("name") =
      plain_text("mobster replay " + of.system + (of.baseline.empty() ? "" : " against " + of.baseline))
          .c_str();
  const auto count = [&](auto&& which) {
    return static_cast<unsigned>(std::count_if(replayed.begin(), replayed.end(), which));
  };
  suite.append_attribute("tests") = static_cast<unsigned>(cases.size());
  suite.append_attribute("failures") = count([](const Replayed& r) { return r.fails; });
  suite.append_attribute("skipped") =
      count([](const Replayed& r) { return !r.fails && r.change == Change::kCannotTell; });
  suite.append_attribute("errors") = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) add_test(suite, of, cases[i], replayed[i]);
  std::ostringstream out;
  document.save(out, " ");
  return out.str();
}

nlohmann::ordered_json sarif(const ReplayOf& of, const std::vector<RegressionCase>& cases,
                             const std::vector<Replayed>& replayed) {
  Json rules = Json::array(), results = Json::array();
  for (const Rule& r : kRules) rules.push_back({{"id", r.id}, {"shortDescription", {{"text", r.what}}}});
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (replayed[i].change != Change::kStillGood) results.push_back(sarif_result(of, cases[i], replayed[i]));
  const Json driver = {{"name", "mobster"}, {"version", version()}, {"rules", rules}};
  const Json run = {{"tool", {{"driver", driver}}},
                    {"invocations", Json::array({{{"executionSuccessful", true}}})},
                    {"results", results}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({run})}};
}

}  // namespace mob
