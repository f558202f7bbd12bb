#include "fuzzer/generator/bindings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/binding.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

constexpr int kAttempts = 6;  // for each binding
constexpr std::int64_t kMostElements = 1 << 14;
constexpr std::int64_t kMostWork = 1 << 20;  // elements of all values together
constexpr double kLeastDecided = 0.75;
// Of a new size: 1, smaller, larger, 0, around the widths of vectors and blocks.
constexpr std::array<double, 5> kSizes = {0.2, 0.3, 0.4, 0.06, 0.04};

std::int64_t other_size(Rng& rng, std::int64_t now) {
  while (true) {
    std::int64_t size = 0;
    switch (rng.weighted(kSizes)) {
      case 0:
        size = 1;
        break;
      case 1:
        size = now > 1 ? rng.range(1, now - 1) : 1;
        break;
      case 2:
        size = now + rng.range(1, 4);
        break;
      case 3:
        size = 0;
        break;
      default:
        size = rng.pick({8, 16, 17});
    }
    if (size != now) return size;
  }
}

// Dimensions of one size often must stay of one size, though their names do not say so: as a rule they change
// together.
Sizes other_sizes(Rng& rng, const Sizes& own) {
  const bool together = rng.chance(0.7), one = rng.chance(0.5);
  const auto group_of = [&](const auto& entry) {
    return together ? std::to_string(entry.second) : entry.first;
  };
  std::vector<std::string> groups;
  for (const auto& entry : own)
    if (std::find(groups.begin(), groups.end(), group_of(entry)) == groups.end())
      groups.push_back(group_of(entry));
  const std::string chosen = rng.pick(groups);
  std::map<std::string, std::int64_t> changed;
  Sizes sizes = own;
  for (auto& entry : sizes) {
    const std::string group = group_of(entry);
    if (!changed.contains(group))
      changed[group] =
          group == chosen || (!one && rng.chance(0.7)) ? other_size(rng, entry.second) : entry.second;
    entry.second = changed[group];
  }
  return sizes;
}

// Values as those of `given`: integers, words and round numbers are picked among them, other numbers lie
// between two of them of one sign, so that what is positive or away from zero stays so.
Tensor redrawn(const Tensor& given, const Dims& dims, Rng& rng) {
  const ArrayType type{given.dtype(), dims};
  const auto n = static_cast<std::size_t>(type.count());
  if (n == 0 || given.count() == 0)
    return draw_tensor(type, rng, is_int(type.dtype) ? ValueRange{.low = 0, .high = 3} : ValueRange{});
  const auto any = [&] { return rng.range(0, given.count() - 1); };
  if (given.is_string()) {
    std::vector<std::string> words(n);
    for (auto& w : words) w = given.strings()[static_cast<std::size_t>(any())];
    return Tensor(dims, std::move(words));
  }
  if (!is_float(type.dtype)) {
    std::vector<std::int64_t> values(n);
    for (auto& v : values) v = given.int_at(any());
    return Tensor::of_ints(type.dtype, dims, values);
  }
  const std::vector<double> from = given.reals();
  const bool whole = std::all_of(from.begin(), from.end(), [](double x) { return x == std::round(x); });
  std::vector<double> values(n);
  for (double& v : values) {
    v = rng.pick(from);
    const double w = rng.pick(from);
    if (!whole && v * w > 0 && std::isfinite(v) && std::isfinite(w)) v += rng.unit() * (w - v);
  }
  return Tensor::of(type.dtype, dims, values);
}

bool drawable(const Tensor& t) {
  return t.is_string() || is_float(t.dtype()) || is_int(t.dtype()) || t.dtype() == DType::kBool;
}

// Inputs at these sizes. Empty where one is too large.
std::optional<Inputs> inputs_at(const Case& c, const Sizes& own, const Sizes& sizes, Rng& rng) {
  const Graph& g = c.model.graph;
  std::map<std::int64_t, std::int64_t> resized;  // where it is the same for all dimensions of a size
  for (const auto& [symbol, size] : own) {
    const auto [at, fresh] = resized.emplace(size, sizes.at(symbol));
    if (!fresh && at->second != sizes.at(symbol)) at->second = size;
  }
  // A shape that is given as an input follows the sizes, or does not.
  const bool follow = rng.chance(0.5);
  Inputs inputs;
  for (ValueId v : g.inputs) {
    const auto given = c.inputs.find(g[v].name);
    if (given == c.inputs.end()) continue;
    const Tensor& old = given->second;
    Dims dims = old.dims();
    bool symbolic = false;
    if (g[v].type->shape)
      for (std::size_t d = 0; d < dims.size(); ++d) {
        const Dim& dim = (*g[v].type->shape)[d];
        if (dim.value >= 0) continue;
        symbolic = true;
        dims[d] = sizes.at(dim.symbol.empty() ? g[v].name + "[" + std::to_string(d) + "]" : dim.symbol);
      }
    if (ArrayType{old.dtype(), dims}.count() > std::max(kMostElements, 4 * old.count())) return std::nullopt;
    if (symbolic || old.dims().size() > 1) {
      inputs.emplace(g[v].name, redrawn(old, dims, rng));
    } else if (follow && old.dtype() == DType::kInt64) {
      std::vector<std::int64_t> values = old.ints_vector();
      for (auto& x : values)
        if (const auto at = resized.find(x); at != resized.end()) x = at->second;
      inputs.emplace(g[v].name, Tensor::of_ints(old.dtype(), dims, values));
    } else {  // it may carry meaning: a limit, a scale, a list of axes
      inputs.emplace(g[v].name, old);
    }
  }
  return inputs;
}

// Whether all that is declared within the top graph holds.
bool interface_holds(const Graph& g, const Reference& r, Sizes sizes) {
  for (std::size_t v = 0; v < g.values.size(); ++v) {
    const Value& value = g.values[v];
    if (!value.type || !(value.listed || g.is_output(static_cast<ValueId>(v)))) continue;
    const auto at = r.values.find(value.name);
    if (at != r.values.end() && !fits(*value.type, at->second.type, sizes)) return false;
  }
  return true;
}

}  // namespace

BindingDraws draw_bindings(Case& c, Rng& rng, int count) {
  BindingDraws draws;
  const Graph& g = c.model.graph;
  const std::optional<Sizes> own = sizes_of(g, c.inputs);
  if (!own || own->empty()) return draws;
  for (const auto& [name, tensor] : c.inputs)
    if (!drawable(tensor)) return draws;
  std::set<Sizes> seen = {*own};
  for (int attempt = 0; attempt < count * kAttempts && draws.kept < count; ++attempt) {
    const Sizes sizes = other_sizes(rng, *own);
    if (!seen.insert(sizes).second) continue;
    std::optional<Inputs> inputs = inputs_at(c, *own, sizes, rng);
    if (!inputs) continue;
    const Case there{.model = c.model, .inputs = std::move(*inputs)};
    const Reference r = evaluate(there, {.keep_values = true, .max_elements = kMostWork});
    if (r.random) return draws;
    if (!r.available()) {
      ++draws.invalid;
    } else if (r.unspecified > 0 || decidedness(r.outputs).share() < kLeastDecided) {
      ++draws.undecided;
    } else if (!interface_holds(g, r, sizes)) {
      ++draws.unfit;
    } else {
      ++draws.kept;
      c.bindings.push_back(there.inputs);
    }
  }
  return draws;
}

}  // namespace mob
