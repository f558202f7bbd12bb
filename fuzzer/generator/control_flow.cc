// If, Loop and Scan around bodies that are grown.
#include <algorithm>

#include "fuzzer/generator/grow.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

constexpr std::size_t kMostResults = 3;
constexpr int kFirstOtherShapes = 11;     // opset in which the branches of an If need not agree in shape
constexpr int kFirstWithoutCarried = 11;  // opset in which a Loop need not carry anything

std::shared_ptr<const Expected> shared_exact(const Tensor& t) {
  return std::make_shared<const Expected>(exact(t));
}

// A tensor to begin with: one that is there, or a new one.
ValueId draw_start(Builder& b, std::int64_t min_rank = 0) {
  Rng& rng = b.rng();
  std::vector<ValueId> fits;
  for (ValueId v : b.readable())
    if (kAnyDType.has(b.type(v).dtype) && b.type(v).rank() >= static_cast<std::size_t>(min_rank) &&
        b.type(v).count() > 0)
      fits.push_back(v);
  if (!fits.empty() && rng.chance(0.7)) return rng.pick(fits);
  ArrayType type;
  type.dtype = rng.pick({DType::kFloat, DType::kFloat, DType::kFloat, DType::kDouble, DType::kInt32,
                         DType::kInt64, DType::kBool});
  for (std::int64_t rank = rng.range(min_rank, 3); rank > 0; --rank)
    type.dims.push_back(std::max<std::int64_t>(1, b.size()));
  return b.leaf(b.draw(type), Role::kData);
}

}  // namespace

bool draw_if(Builder& b) try {
  Rng& rng = b.rng();
  const ValueId condition = draw_bool(b, rng.chance(0.5));
  Builder first(b, "first");
  grow_body(first);
  const std::vector<ValueId> results = draw_results(first, 1 + rng.weighted(std::vector<double>{5, 3, 1}));
  if (results.empty()) return false;
  Builder second(b, "second");
  if (rng.chance(0.8)) grow_body(second);
  std::vector<ValueId> others;
  for (ValueId v : results) {
    ArrayType type = first.type(v);
    if (b.opset() >= kFirstOtherShapes && rng.chance(0.08))
      for (auto& d : type.dims) d = std::max<std::int64_t>(1, b.size());
    others.push_back(of_type(second, type));
  }
  GraphPtr one = first.close(results), other = second.close(others);
  if (rng.chance(0.5)) std::swap(one, other);
  b.nodes("If", {condition}, {{.name = "then_branch", .value = one}, {.name = "else_branch", .value = other}},
          results.size());
  return true;
} catch (const CannotDraft&) {
  return false;
}

bool draw_loop(Builder& b) try {
  Rng& rng = b.rng();
  const auto trips = static_cast<std::int64_t>(rng.weighted(std::vector<double>{1, 4, 4, 3}));
  const bool least_one = b.opset() < kFirstWithoutCarried;
  std::vector<ValueId> starts;
  for (auto n = std::max<std::size_t>(least_one, rng.weighted(std::vector<double>{2, 5, 2})); n > 0; --n)
    starts.push_back(draw_start(b));

  Builder body(b, "body");
  const ValueId iteration = body.input(shared_exact(Tensor::of_ints(DType::kInt64, {}, {0})));
  const ValueId go = body.input(shared_exact(Tensor::of_ints(DType::kBool, {}, {1})));
  for (ValueId v : starts) body.input(b.shared_value(v));
  grow_body(body);
  // How it ends: by the count, or by a condition that turns false.
  const bool ends = rng.chance(0.3) && trips > 0;
  ValueId on = go;
  if (ends) {
    const ValueId last = body.leaf(Tensor::of_ints(DType::kInt64, {}, {trips - 1}), Role::kParameter);
    on = body.node("Less", {iteration, last});
  } else if (rng.chance(0.3)) {
    on = body.leaf(Tensor::of_ints(DType::kBool, {}, {1}), Constness::kConstantNode);
  }
  std::vector<ValueId> results = {on};
  for (ValueId v : starts) results.push_back(of_type(body, b.type(v)));
  for (ValueId v : draw_results(body, starts.empty() ? 1 + rng.below(kMostResults) : rng.below(kMostResults)))
    if (std::find(results.begin(), results.end(), v) == results.end()) results.push_back(v);
  if (results.size() < 2) return false;
  // With no iteration, what is stacked takes its shape from the body's declarations.
  if (trips == 0 && results.size() > 1 + starts.size()) b.keep_dims();

  std::vector<ValueId> inputs = {ends && rng.chance(0.3) ? kNoValue : draw_count(b, trips + ends),
                                 rng.chance(0.5) ? kNoValue : draw_bool(b, !rng.chance(0.05), true)};
  if (inputs[1] != kNoValue && b.value(inputs[1]).ints().v[0] == 0) b.keep_dims();
  inputs.insert(inputs.end(), starts.begin(), starts.end());
  const std::size_t outputs = results.size() - 1;
  b.nodes("Loop", std::move(inputs), {{.name = "body", .value = body.close(results)}}, outputs);
  return true;
} catch (const CannotDraft&) {
  return false;
}

bool draw_scan(Builder& b) try {
  Rng& rng = b.rng();
  std::vector<ValueId> starts, scanned;
  for (auto n = rng.weighted(std::vector<double>{2, 4, 2}); n > 0; --n) starts.push_back(draw_start(b));

  // What is scanned: the first says how long, the others follow.
  std::vector<std::int64_t> axes, directions;
  std::int64_t length = 0;
  Builder body(b, "body");
  for (ValueId v : starts) body.input(b.shared_value(v));
  const std::size_t inputs = 1 + rng.weighted(std::vector<double>{3, 2});
  for (std::size_t i = 0; i < inputs; ++i) {
    ValueId x = draw_start(b, 1);
    auto axis = static_cast<std::int64_t>(rng.chance(0.6) ? 0 : rng.below(b.type(x).rank()));
    if (i == 0) {
      length = b.type(x).dims[static_cast<std::size_t>(axis)];
    } else if (b.type(x).dims[static_cast<std::size_t>(axis)] != length) {
      ArrayType type = b.type(x);
      type.dims[static_cast<std::size_t>(axis)] = length;
      x = b.leaf(b.draw(type), Role::kData);
    }
    if (length > 6) return false;
    scanned.push_back(x);
    axes.push_back(axis);
    directions.push_back(rng.chance(0.3));
    const Expected at = exact(Tensor::of_ints(DType::kInt64, {}, {directions.back() != 0 ? length - 1 : 0}));
    const NodeResult slice = evaluate_node(*find_op("Gather"),
                                           {.op_type = "Gather",
                                            .inputs = {0, 1},
                                            .outputs = {2},
                                            .attributes = {{.name = "axis", .value = axis}}},
                                           b.opset(), std::vector<const Expected*>{&b.value(x), &at});
    body.input(std::make_shared<const Expected>(slice.outputs.front()));
  }
  grow_body(body);
  std::vector<ValueId> results;
  results.reserve(starts.size() + kMostResults);
  for (ValueId v : starts) results.push_back(of_type(body, b.type(v)));
  for (ValueId v : draw_results(body, starts.empty() ? 1 + rng.below(kMostResults) : rng.below(kMostResults)))
    if (std::find(results.begin(), results.end(), v) == results.end()) results.push_back(v);
  if (results.empty()) return false;

  // Parts are stacked along any of their axes or a new last one.
  std::vector<std::int64_t> out_axes, out_directions;
  for (std::size_t i = starts.size(); i < results.size(); ++i) {
    const auto rank = static_cast<std::int64_t>(body.type(results[i]).rank());
    out_axes.push_back(rng.chance(0.6) ? 0 : rng.range(0, rank));
    if (b.opset() >= 11 && rng.chance(0.2)) out_axes.back() -= rank + 1;
    out_directions.push_back(rng.chance(0.3));
  }
  std::vector<Attribute> attributes = {
      {.name = "num_scan_inputs", .value = static_cast<std::int64_t>(scanned.size())}};
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (b.opset() >= 11 && rng.chance(0.2)) axes[i] -= static_cast<std::int64_t>(b.type(scanned[i]).rank());
  const auto add = [&](std::string_view name, const std::vector<std::int64_t>& list) {
    const bool usual = std::all_of(list.begin(), list.end(), [](auto n) { return n == 0; });
    if (!list.empty() && (!usual || rng.chance(0.2)))
      attributes.push_back({.name = std::string(name), .value = list});
  };
  add("scan_input_axes", axes);
  add("scan_input_directions", directions);
  add("scan_output_axes", out_axes);
  add("scan_output_directions", out_directions);
  attributes.push_back({.name = "body", .value = body.close(results)});
  starts.insert(starts.end(), scanned.begin(), scanned.end());
  b.nodes("Scan", std::move(starts), std::move(attributes), results.size());
  return true;
} catch (const CannotDraft&) {
  return false;
}

}  // namespace mob
