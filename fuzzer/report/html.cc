#include "fuzzer/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"
#include "fuzzer/report/details.h"
#include "fuzzer/report/packed.h"
#include "report_page.h"
#include "repro_py.h"

namespace mob {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPoints = 400;  // of the curve over time
constexpr std::size_t kAtOnce = 100;      // findings whose details are made by one run of Graphviz

// Compressed, so that ten thousand findings are quick to load; what is packed so cannot be taken for markup.
std::string packed(const auto& json) {
  return base64(deflated(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Json campaign_json(const ReportData& data) {
  if (!data.status) return nullptr;
  Json out = status_json(*data.status);
  out.erase("findings");
  out["ledger_sum"] = data.ledger_sum();
  out["jobs"] = data.status->jobs;
  const auto& points = data.status->progress;
  const std::size_t step = points.size() / kMostPoints + 1;
  for (std::size_t i = 0; i < points.size(); i += step) {
    const ProgressPoint& p = points[std::min(i + step - 1, points.size() - 1)];
    out["progress"].push_back({p.seconds, p.cases, p.findings, p.groups});
  }
  return out;
}

Json finding_row(const ReportFinding& f) {
  Json out = {{"name", f.name},
              {"folder", f.shown.string()},
              {"bug", f.bug},
              {"symptom", f.symptom},
              {"class", f.cls},
              {"stage", f.stage},
              {"kind", f.kind},
              {"message", f.message},
              {"levels", f.levels},
              {"passes", f.passes},
              {"operators", f.operators},
              {"nodes", f.nodes},
              {"system", f.system},
              {"version", f.version},
              {"cases", f.cases},
              {"opset", f.opset}};
  const std::pair<const char*, const std::string*> some[] = {{"why_not", &f.why_not},
                                                             {"configuration", &f.configuration},
                                                             {"motif", &f.motif},
                                                             {"guard", &f.guard},
                                                             {"versions", &f.versions},
                                                             {"culprit", &f.culprit},
                                                             {"culprit_why", &f.culprit_why},
                                                             {"first_bad", &f.first_bad_value},
                                                             {"first_bad_node", &f.first_bad_node},
                                                             {"oracle", &f.oracle}};
  for (const auto& [key, value] : some)
    if (!value->empty()) out[key] = *value;
  if (f.excess) out["excess"] = *f.excess;
  if (f.triaged) out["triaged"] = f.reduced ? "reduced" : "not reduced";
  if (!f.broken_guards.empty()) out["broken_guards"] = f.broken_guards;
  if (!f.at_version.empty()) out["at_version"] = f.at_version;
  if (!f.minimal_sets.empty()) out["minimal_sets"] = f.minimal_sets;
  out["seed"] = f.seed;
  out["index"] = f.index;
  return out;
}

// Rows as indices into a table of distinct values (-1: has no such field): ten thousand findings share most
// of their words, and a browser reads a fourth of the text.
Json shared_values(const std::vector<Json>& objects) {
  std::map<std::string, std::size_t> fields, values;
  Json out = {{"fields", Json::array()}, {"values", Json::array()}, {"rows", Json::array()}};
  for (const Json& object : objects) {
    std::vector<std::int64_t> row(fields.size(), -1);
    for (const auto& [key, value] : object.items()) {
      const auto [field, new_field] = fields.try_emplace(key, fields.size());
      if (new_field) out["fields"].push_back(key);
      if (new_field) row.push_back(-1);
      const auto [at, new_value] =
          values.try_emplace(value.dump(-1, ' ', false, Json::error_handler_t::replace), values.size());
      if (new_value) out["values"].push_back(value);
      row[field->second] = static_cast<std::int64_t>(at->second);
    }
    out["rows"].push_back(std::move(row));
  }
  return out;
}

Json page_json(const ReportData& data) {
  Json out;
  out["title"] = data.title;
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  out["made"] = fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                            parts.tm_mday, parts.tm_hour, parts.tm_min);
  out["mobster"] = version();
  out["campaign"] = campaign_json(data);
  out["broken"] = data.broken;
  out["bugs"] = Json::array();
  for (const ReportBug& b : data.bugs) {
    Json bug = {{"signature", b.signature}, {"findings", b.findings}};
    if (b.known)
      bug["known"] = {
          {"state", b.known->state}, {"reference", b.known->reference}, {"because", b.known->because}};
    out["bugs"].push_back(std::move(bug));
  }
  std::vector<Json> rows;
  for (const ReportFinding& f : data.findings) rows.push_back(finding_row(f));
  out["findings"] = shared_values(rows);
  return out;
}

// The best finding of each bug, then the others.
std::vector<std::size_t> by_weight(const ReportData& data) {
  std::vector<std::size_t> order, rest;
  for (const ReportBug& b : data.bugs) {
    order.push_back(b.findings.front());
    rest.insert(rest.end(), b.findings.begin() + 1, b.findings.end());
  }
  order.insert(order.end(), rest.begin(), rest.end());
  return order;
}

// A script element for each finding, until the budget is spent.
std::string detail_elements(const ReportData& data, std::size_t budget, std::size_t& shown) {
  std::string out;
  const std::vector<std::size_t> order = by_weight(data);
  for (std::size_t from = 0; from < order.size() && out.size() < budget; from += kAtOnce) {
    const std::vector<std::size_t> some(
        order.begin() + static_cast<std::ptrdiff_t>(from),
        order.begin() + static_cast<std::ptrdiff_t>(std::min(from + kAtOnce, order.size())));
    const auto details = details_of(data, some);
    for (std::size_t k = 0; k < some.size() && out.size() < budget; ++k, ++shown)
      out += fmt::format("<script type=\"text/plain\" id=\"detail-{}\">{}</script>\n", some[k],
                         packed(details[k]));
  }
  return out;
}

// Each {{NAME}} of the template, once and from left to right: what is put in is not looked at again.
std::string filled(std::string_view page,
                   const std::vector<std::pair<std::string_view, std::string>>& parts) {
  std::string out;
  for (const auto& [mark, text] : parts) {
    const auto at = page.find(mark);
    MOB_CHECK(at != std::string_view::npos);
    out += page.substr(0, at);
    out += text;
    page.remove_prefix(at + mark.size());
  }
  return out.append(page);
}

}  // namespace

std::string html_report(const ReportData& data, const HtmlOptions& options, std::size_t* shown) {
  std::size_t detailed = 0;
  const std::string details = detail_elements(data, options.details_budget, detailed);
  Json page = page_json(data);
  page["detailed"] = detailed;
  page["repro"] = kReproPy;
  if (shown != nullptr) *shown = detailed;
  return filled(kReportHtml, {{"{{CSS}}", kReportCss},
                              {"{{DATA}}", packed(page)},
                              {"{{DETAILS}}", details},
                              {"{{SCRIPT}}", kReportJs}});
}

}  // namespace mob
