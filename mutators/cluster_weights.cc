// Weights share a few values: stored in place, or as indices into a codebook that a Gather looks up.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "fuzzer/graph/weight_bytes.h"
#include "mutators/codebook.h"
#include "mutators/weight_axes.h"
#include "mutators/weights.h"

namespace mob::mutators {
namespace {

constexpr double kLargest = 1e100;      // sums of larger numbers might overflow
constexpr double kAbove = 1 + 0x1p-48;  // what rounding of a difference takes

struct Settings {
  std::int64_t clusters;
  bool by_channel, keep_zeros, gather;
  DType index;  // kUint8: the narrowest unsigned type that will do
};

// A weight and what becomes of it.
struct Clustered {
  ValueId weight;
  std::size_t axis;              // of its output channels
  std::vector<double> codebook;  // of all channels, one after another
  std::vector<std::int64_t> at;  // per element
};

// Position along an axis of each element.
std::vector<std::size_t> along(const Dims& dims, std::size_t axis) {
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < dims.size(); ++d) inner *= static_cast<std::size_t>(dims[d]);
  std::vector<std::size_t> list(static_cast<std::size_t>(element_count(dims)));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = i / inner % static_cast<std::size_t>(dims[axis]);
  return list;
}

// Rounds to a type; ascending numbers stay so.
std::vector<double> as_stored(DType t, const std::vector<double>& values) {
  return Tensor::of(t, {static_cast<std::int64_t>(values.size())}, values).reals();
}

// Adds the codebook of some elements, and says which of its entries each one gets.
void cluster(Clustered& w, const Tensor& t, const std::vector<std::size_t>& elements, const Settings& s) {
  const auto goes = [&](double x) { return !(s.keep_zeros && x == 0); };
  std::vector<double> numbers;
  for (std::size_t i : elements)
    if (const double x = t.real_at(static_cast<std::int64_t>(i)); goes(x)) numbers.push_back(x);
  const bool zeros = numbers.size() < elements.size();
  const auto base = static_cast<std::int64_t>(w.codebook.size());
  std::vector<double> centres;
  if (!numbers.empty())
    centres = as_stored(t.dtype(), k_means(numbers, std::max<std::int64_t>(1, s.clusters - (zeros ? 1 : 0))));
  if (zeros) w.codebook.push_back(0);
  w.codebook.insert(w.codebook.end(), centres.begin(), centres.end());
  for (std::size_t i : elements) {
    const double x = t.real_at(static_cast<std::int64_t>(i));
    w.at[i] = goes(x) ? base + (zeros ? 1 : 0) + nearest(centres, x) : base;
  }
}

Clustered clustered(const Case& c, const Facts& f, ValueId v, const Settings& s) {
  const Tensor& t = *c.model.graph[v].initializer;
  const auto axes = weight_axes(c, f, v);
  Clustered w{
      .weight = v, .axis = axes ? static_cast<std::size_t>(axes->output) : 0, .codebook = {}, .at = {}};
  w.at.resize(static_cast<std::size_t>(t.count()));
  const std::vector<std::size_t> channel = along(t.dims(), w.axis);
  std::vector<std::vector<std::size_t>> parts(s.by_channel ? static_cast<std::size_t>(t.dims()[w.axis]) : 1);
  for (std::size_t i = 0; i < w.at.size(); ++i) parts[s.by_channel ? channel[i] : 0].push_back(i);
  for (const auto& elements : parts) cluster(w, t, elements, s);
  return w;
}

// How far the weight's elements are from what they become, by channel.
Grid grid_of(const Tensor& t, const Clustered& w, const Settings& s) {
  const std::vector<std::size_t> channel = along(t.dims(), w.axis);
  const auto n = static_cast<std::size_t>(t.dims()[w.axis]);
  Grid grid{.axis = static_cast<int>(w.axis),
            .step = std::vector<double>(n, 0),
            .low = std::vector<double>(n, -kLargest),
            .high = std::vector<double>(n, kLargest),
            .zero_stays = s.keep_zeros};
  for (std::size_t i = 0; i < w.at.size(); ++i) {
    const double x = t.real_at(static_cast<std::int64_t>(i));
    double& step = grid.step[channel[i]];
    step = std::max(step, kAbove * 2 * std::fabs(x - w.codebook[static_cast<std::size_t>(w.at[i])]));
  }
  return grid;
}

void put_in_place(Case& c, const Clustered& w) {
  const Tensor& t = *c.model.graph[w.weight].initializer;
  std::vector<double> values;
  for (std::int64_t i : w.at) values.push_back(w.codebook[static_cast<std::size_t>(i)]);
  set_content(c, w.weight, Tensor::of(t.dtype(), t.dims(), values));
}

DType stored_index(const Clustered& w, const Settings& s) {
  if (s.index != DType::kUint8 || w.codebook.size() <= 256) return s.index;
  return w.codebook.size() <= 65536 ? DType::kUint16 : DType::kInt32;
}

// Gather takes indices of int32 and int64 only. Returns the names of the codebook and of the indices.
std::pair<std::string, std::string> put_by_gather(Case& c, const Clustered& w, const Settings& s) {
  Graph& g = c.model.graph;
  const Tensor t = *g[w.weight].initializer;
  const DType type = stored_index(w, s);
  const std::pair<std::string, std::string> names = {g.fresh_name(g[w.weight].name + "_codebook"),
                                                     g.fresh_name(g[w.weight].name + "_indices")};
  const ValueId codebook = g.add_initializer(
      names.first, Tensor::of(t.dtype(), {static_cast<std::int64_t>(w.codebook.size())}, w.codebook));
  ValueId indices = g.add_initializer(names.second, Tensor::of_ints(type, t.dims(), w.at));
  if (type != DType::kInt32 && type != DType::kInt64)
    indices =
        append(c, "Cast", {indices}, {{.name = "to", .value = static_cast<std::int64_t>(DType::kInt32)}})
            .front();
  g.redirect_uses(
      w.weight,
      append(c, "Gather", {codebook, indices}, {{.name = "axis", .value = std::int64_t{0}}}).front());
  return names;
}

std::vector<ValueId> places(const Case& c, const Facts& f) {
  std::vector<ValueId> list = float_weights(c, f);
  std::erase_if(list, [&](ValueId v) {
    const std::vector<double> values = c.model.graph[v].initializer->reals();
    return std::any_of(values.begin(), values.end(), [](double x) { return !(std::fabs(x) <= kLargest); });
  });
  return list;
}

Settings draw_settings(Choices& choices) {
  Settings s{
      .clusters = 0, .by_channel = false, .keep_zeros = false, .gather = false, .index = DType::kInt64};
  const std::string k = choices.word("clusters", {"2", "3", "4", "6", "8", "16", "32", "64", "128", "256"});
  std::from_chars(k.data(), k.data() + k.size(), s.clusters);
  s.by_channel = choices.word("scope", {"tensor", "channel"}) == "channel";
  s.keep_zeros = choices.yes("keep_zeros");
  s.gather = choices.word("form", {"place", "gather"}) == "gather";
  if (s.gather) s.index = choices.type("index", {DType::kUint8, DType::kInt32, DType::kInt64});
  return s;
}

// Writes the mutant's form of one weight, adds what is claimed of it, and returns the bytes that it saves.
std::int64_t write(Case& c, Clustered w, const Settings& s, Choices& choices, std::vector<Claim>& claims) {
  const Tensor t = *c.model.graph[w.weight].initializer;
  const std::string name = c.model.graph[w.weight].name;
  const auto entries = static_cast<std::int64_t>(w.codebook.size());
  for (std::int64_t& i : w.at) i = choices.bent_index(i, entries);
  if (!s.gather) {
    put_in_place(c, w);
    claims.emplace_back(HasType{name, t.type()});
    claims.emplace_back(Distinct{name, entries});
    return 0;
  }
  const auto [codebook, indices] = put_by_gather(c, w, s);
  claims.emplace_back(HasType{codebook, {t.dtype(), {entries}}});
  claims.emplace_back(HasType{indices, {stored_index(w, s), t.dims()}});
  return packed_bytes(t) - packed_bytes(*c.model.graph[c.model.graph.find(indices)].initializer) -
         entries * bits(t.dtype()) / 8;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<ValueId> weights = choices.places(places(c, f));
  if (weights.empty()) return std::nullopt;
  const Settings s = draw_settings(choices);
  const auto before = static_cast<double>(weight_bytes(c.model.graph));
  // The other form, of the parent, so that what is stored here is judged by something else.
  auto twin = std::make_shared<Case>(c);
  Promise promise;
  std::vector<Slack> slack;
  double saved = 0;
  for (ValueId v : weights) {
    const Clustered w = clustered(c, f, v, s);
    slack.push_back({.value = c.model.graph[v].name, .to = grid_of(*c.model.graph[v].initializer, w, s)});
    if (s.gather)
      put_in_place(*twin, w);
    else
      put_by_gather(*twin, w, s);
    saved += static_cast<double>(write(c, w, s, choices, promise.claims));
  }
  if (saved > 0) promise.claims.emplace_back(Fewer{.share = (before - saved) / before});
  promise.twins.push_back({.name = "parent", .slack = std::move(slack)});
  promise.twins.push_back(
      {.name = s.gather ? "parent with clustered weights" : "parent with a codebook", .c = std::move(twin)});
  return promise;
}

}  // namespace

extern const Mutator cluster_weights;
const Mutator cluster_weights{
    .name = "cluster-weights",
    .aims_at = "weights share a few values, in place or looked up (clusters, scope, form, index)",
    .family = MutatorFamily::kCluster,
    .apply = kept<change>};

}  // namespace mob::mutators
