// A constant, or a parameter of one element, holds another value.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

constexpr std::int64_t kFewElements = 16;  // of a tensor whose elements are tried one by one

std::string show_content(const Tensor& t) {
  const auto number = [&](std::int64_t i) { return show_number(t.real_at(i)); };
  if (t.count() == 0) return "empty";
  if (t.count() == 1) return number(0);
  bool uniform = true;
  for (std::int64_t i = 1; i < t.count(); ++i) uniform = uniform && t.real_at(i) == t.real_at(0);
  if (uniform) return "all " + number(0);
  std::vector<std::string> words;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(t.count(), 6); ++i) words.push_back(number(i));
  return "[" + join(words, ", ") + (t.count() > 6 ? ", ..." : "") + "]";
}

// An optimizer sees constants; other data only hide what it does to them.
bool is_data(const Case& c, const LeafUse& use) {
  static const std::set<std::string_view> commutes = {"Add", "Mul"};
  if (use.slot == 0) return !commutes.contains(use.node.op_type);
  return use.leaf.content.count() > 1 && mutators::constness(c, use.leaf.v) == Constness::kInput;
}

std::vector<double> uniform_values(const Tensor& t, const std::string& op) {
  const double first = t.real_at(0);
  std::vector<double> values = {1, 2, first};
  // A factor of 0 would hide whatever went wrong before.
  static const std::set<std::string_view> takes_zero = {"Add", "Sub", "Pad", "Clip", "Max", "Min"};
  if (!is_float(t.dtype()) || takes_zero.contains(op)) values.push_back(0);
  if (t.count() == 1) values.insert(values.end(), {-first, -1, 0.5, first + 1, first - 1, 128});
  return values;
}

std::vector<Tensor> others(const Tensor& t, const std::string& op) {
  std::vector<Tensor> list;
  const auto add = [&](const std::vector<double>& values) {
    list.push_back(Tensor::of(t.dtype(), t.dims(), values));
  };
  for (double x : uniform_values(t, op)) add(std::vector<double>(static_cast<std::size_t>(t.count()), x));
  const std::vector<double> elements = t.reals();
  std::vector<double> absolute = elements, counting = elements;
  for (double& x : absolute) x = std::fabs(x);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<double>(i + 1);
  add(absolute);
  add(counting);
  if (t.count() == 1 || t.count() > kFewElements || t.dtype() != DType::kInt64) return list;
  for (std::size_t i = 0; i < elements.size(); ++i)
    for (double x : {-1.0, 0.0, 1.0, elements[i] + 1}) {
      std::vector<double> one = elements;
      one[i] = x;
      add(one);
    }
  return list;
}

void add_to(Neighbourhood& there) {
  for (const LeafUse& use : there.leaf_uses()) {
    const shrink::Leaf& leaf = use.leaf;
    const Node& n = use.node;
    const std::size_t slot = use.slot;
    const Tensor& t = leaf.content;
    const GuardPlace place = place_at(GuardKind::kValue, n, "input", slot);
    if (t.count() == 0 || !there.asked(place) || is_data(there.c(), use)) continue;
    std::vector<Tensor> seen = {t};
    for (const Tensor& other : others(t, n.op_type)) {
      if (std::any_of(seen.begin(), seen.end(), [&](const Tensor& s) { return s.identical(other); }))
        continue;
      seen.push_back(other);
      there.add(
          place,
          {there.input_key(n, slot), there.input_of(n, slot), "is " + show_content(other), show_content(t)},
          [&](Case& c) { return shrink::change_leaf(c, leaf.v, [&](const Tensor&) { return other; }); });
    }
  }
}

}  // namespace

extern const NeighbourKind values;
const NeighbourKind values = {.name = "values", .what = "A constant holds another value.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
