#include "fuzzer/report/tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kEqual = -99, kBeyond = 99;

struct Compared {
  std::vector<double> excess;  // NaN where the element is open
  std::size_t outside = 0, open = 0;
};

double number_at(const Tensor& t, std::size_t i) {
  return t.real_at(static_cast<std::int64_t>(i));
}

double excess_of(double expected, double bound, double actual) {
  if (expected == actual || (std::isnan(expected) && std::isnan(actual))) return 0;
  const double off = std::fabs(actual - expected);
  return bound > 0 && std::isfinite(off) ? off / bound : std::numeric_limits<double>::infinity();
}

Compared compare(const Tensor& expected, const Tensor& bound, const Tensor& actual) {
  Compared c;
  c.excess.resize(static_cast<std::size_t>(expected.count()));
  for (std::size_t i = 0; i < c.excess.size(); ++i) {
    const double b = number_at(bound, i);
    c.excess[i] = std::isinf(b) ? std::nan("") : excess_of(number_at(expected, i), b, number_at(actual, i));
    c.open += std::isnan(c.excess[i]);
    c.outside += c.excess[i] > 1;
  }
  return c;
}

Json cell(double excess) {
  if (std::isnan(excess)) return nullptr;
  if (excess <= 0) return kEqual;
  return std::isinf(excess) ? kBeyond : std::round(std::clamp(std::log10(excess), -9.0, 30.0) * 10) / 10;
}

// The last dimension lies across, all others down.
void add_cells(const Compared& c, const Dims& dims, Json& out) {
  const auto all = static_cast<std::int64_t>(c.excess.size());
  const std::int64_t across = dims.empty() ? 1 : std::max<std::int64_t>(dims.back(), 1);
  const std::int64_t down = all / across;
  const std::int64_t columns = std::min(across, kMostCells), rows = std::min(down, kMostCells);
  std::vector<double> worst(static_cast<std::size_t>(rows * columns), std::nan(""));
  for (std::int64_t i = 0; i < all; ++i) {
    double& w = worst[static_cast<std::size_t>((i / across) * rows / down * columns +
                                               (i % across) * columns / across)];
    w = std::fmax(w, c.excess[static_cast<std::size_t>(i)]);
  }
  out["rows"] = rows;
  out["columns"] = columns;
  out["cells"] = Json::array();
  for (double w : worst) out["cells"].push_back(cell(w));
}

std::string place(const Dims& dims, std::size_t element) {
  std::vector<std::int64_t> at(dims.size());
  auto left = static_cast<std::int64_t>(element);
  for (std::size_t d = dims.size(); d-- > 0; left /= dims[d]) at[d] = left % dims[d];
  return show_dims(at);
}

std::string digits(double x) {
  return std::isfinite(x) ? fmt::format("{:.9g}", x) : show_number(x);
}

void add_worst(const Compared& c, const Tensor& expected, const Tensor& bound, const Tensor& actual,
               Json& out) {
  std::vector<std::size_t> order(c.excess.size());
  std::iota(order.begin(), order.end(), 0);
  const auto weight = [&](std::size_t i) { return std::isnan(c.excess[i]) ? -1 : c.excess[i]; };
  const std::size_t n = std::min(kWorst, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                    [&](auto a, auto b) { return std::pair(-weight(a), a) < std::pair(-weight(b), b); });
  out["worst"] = Json::array();
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t i = order[k];
    out["worst"].push_back({{"at", place(expected.dims(), i)},
                            {"expected", digits(number_at(expected, i))},
                            {"bound", digits(number_at(bound, i))},
                            {"actual", digits(number_at(actual, i))},
                            {"excess", std::isnan(c.excess[i]) ? "open" : show_number(c.excess[i])}});
  }
}

}  // namespace

Json compare_output(const std::string& name, const Tensor& expected, const Tensor& bound,
                    const Tensor& actual) {
  Json out = {{"name", name}, {"expected", show(expected.type())}, {"actual", show(actual.type())}};
  if (expected.type() != actual.type()) {
    out["difference"] = "expected " + show(expected.type()) + ", got " + show(actual.type());
    return out;
  }
  if (expected.is_string()) {
    out["difference"] = expected.identical(actual) ? "" : "strings differ";
    return out;
  }
  if (bound.count() != expected.count()) {
    out["difference"] = "no bounds were written down";
    return out;
  }
  const Compared c = compare(expected, bound, actual);
  out["difference"] = "";
  out["elements"] = c.excess.size();
  out["outside"] = c.outside;
  out["open"] = c.open;
  if (!c.excess.empty()) add_cells(c, expected.dims(), out);
  add_worst(c, expected, bound, actual, out);
  return out;
}

Json compare_outputs(const fs::path& finding, const std::vector<std::string>& names) {
  for (std::size_t set = 0; fs::exists(finding / fmt::format("test_data_set_{}", set)); ++set) {
    const fs::path data = finding / fmt::format("test_data_set_{}", set);
    Json outputs = Json::array();
    for (std::size_t o = 0; fs::exists(data / fmt::format("output_{}.pb", o)); ++o) {
      const fs::path actual = data / fmt::format("actual_{}.pb", o),
                     bound = data / fmt::format("bound_{}.pb", o);
      if (!fs::exists(actual)) continue;
      const Tensor expected = load_tensor(data / fmt::format("output_{}.pb", o));
      outputs.push_back(compare_output(o < names.size() ? names[o] : fmt::format("output {}", o), expected,
                                       fs::exists(bound) ? load_tensor(bound) : Tensor(),
                                       load_tensor(actual)));
    }
    if (!outputs.empty()) return {{"set", set}, {"outputs", outputs}};
  }
  return nullptr;
}

}  // namespace mob
