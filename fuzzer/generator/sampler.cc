#include "fuzzer/generator/sampler.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "fuzzer/generator/builder.h"
#include "fuzzer/generator/grow.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

constexpr int kAttempts = 30;  // to find a next operator

// What is sampled has no trimmings, and nothing that would make it poor is turned down.
Policy sampling_policy(const SampleOptions& options) {
  Policy p;
  p.max_elements = options.max_elements;
  p.size_zero = 0.02;
  p.size_block = 0;
  p.reuse = 0;
  p.wire_parameter = 0;
  p.data_constness = {0.8, 0.2, 0, 0, 0};
  p.weight_constness = {0.4, 0.6, 0, 0, 0};
  p.parameter_constness = {0.12, 0.88, 0, 0, 0};
  p.keep_poor = p.keep_unspecified = 1;
  p.expose = p.listed = p.symbolic = 0;
  return p;
}

// An output that says little of its input any more: few elements, few different ones, open ones, or nearly
// all zero.
bool flattens(const Expected& x) {
  // In half precision an error of 1e-3 is rounding.
  if ((x.type.dtype != DType::kFloat && x.type.dtype != DType::kDouble) || x.count() < 8) return true;
  std::set<double> different;
  for (std::size_t i = 0; i < x.count(); ++i) different.insert(x.value_at(i));
  if (different.size() < x.count() / 2) return true;
  double low = kInfinity<double>, high = -kInfinity<double>, worst = 0;
  for (std::size_t i = 0; i < x.count(); ++i) {
    const double v = x.value_at(i);
    if (!std::isfinite(v) || x.open_at(i)) return true;
    low = std::min(low, v);
    high = std::max(high, v);
    worst = std::max(worst, x.bound_at(i));
  }
  const double scale = std::max(std::fabs(low), std::fabs(high));
  return high - low < 0.05 * scale || scale < 0.02 || scale > 100;
}

// Whether a relative error of 1e-3 in what the previous node made comes out about as large (root mean
// square).
bool passes_errors_on(const OpSpec& spec, const Node& node, int opset, std::vector<const Expected*> inputs,
                      std::span<const Expected* const> last, const Expected& y) {
  constexpr double kError = 1e-3;
  std::vector<Expected> moved;
  moved.reserve(inputs.size());
  for (const Expected*& x : inputs) {
    if (x == nullptr || !x->holds_reals() || std::find(last.begin(), last.end(), x) == last.end()) continue;
    moved.push_back(*x);
    std::visit(
        [&](auto& d) {
          if constexpr (requires { d.v[0] *= 1.5; })
            for (std::size_t k = 0; k < d.v.size(); ++k) d.v[k] *= 1 + (k % 3 == 1 ? kError : -kError);
        },
        moved.back().data);
    x = &moved.back();
  }
  NodeResult other;
  try {
    other = evaluate_node(spec, node, opset, inputs);
  } catch (const std::runtime_error&) {  // InvalidNode, Unsupported
    return false;
  }
  if (other.outputs[0].type != y.type) return false;
  double change = 0, size = 0;
  for (std::size_t k = 0; k < y.count(); ++k) {
    const double d = other.outputs[0].value_at(k) - y.value_at(k);
    change += d * d;
    size += y.value_at(k) * y.value_at(k);
  }
  const double factor = std::sqrt(change / size) / kError;
  return moved.empty() || (factor > 0.9 && factor < 2);
}

}  // namespace

std::optional<Case> sample(Rng& rng, const SampleOptions& options) {
  const auto& ops = drawn_ops();
  const auto draw = [&]() -> const OpSpec& { return *ops[rng.below(ops.size())]; };
  const OpSpec* first = options.first != nullptr ? options.first : &draw();
  int opset = options.opset;
  if (opset == 0) {
    const std::vector<int> starts =
        forms(first->name, std::max(9, first->since), options.max_opset, first->domain);
    if (starts.empty()) return std::nullopt;
    const std::size_t f = rng.below(starts.size());
    const int low = std::max({9, first->since, starts[f]});
    const int high = f + 1 < starts.size() ? starts[f + 1] - 1 : options.max_opset;
    if (low > high) return std::nullopt;
    opset = static_cast<int>(rng.range(low, high));
  }
  const Policy policy = sampling_policy(options);
  Builder builder(rng, policy, {.opset = opset, .support = options.support, .random = options.random});
  std::vector<ValueId> last;
  std::vector<const Expected*> last_values;
  Builder::DrawNode how;
  if (options.keep_scale)
    how.accept = [&](const OpSpec& spec, const Node& node, std::span<const Expected* const> inputs,
                     const std::vector<Expected>& outputs) {
      return !outputs.empty() && !flattens(outputs[0]) &&
             passes_errors_on(spec, node, opset, {inputs.begin(), inputs.end()}, last_values, outputs[0]);
    };
  for (int i = 0; i < std::max(1, options.nodes); ++i) {
    how.prefer = last;
    how.must_read = i > 0;
    how.first_type = i == 0 ? options.first_type : std::nullopt;
    bool added = i == 0 && builder.draw_node(*first, how);
    if (i == 0 && !added) return std::nullopt;
    for (int attempt = 0; attempt < kAttempts && !added; ++attempt) added = builder.draw_node(draw(), how);
    if (!added) return std::nullopt;
    last = builder.graph().nodes.back().outputs;
    last_values.clear();
    for (ValueId v : last) last_values.push_back(&builder.value(v));
  }
  if (options.expose_all) builder.expose_all();
  return builder.take();
}

}  // namespace mob
