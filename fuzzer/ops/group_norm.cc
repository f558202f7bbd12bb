// InstanceNormalization, GroupNormalization: over the channels of a group (or one channel) of each instance.
#include "fuzzer/ops/standardize.h"

namespace mob::ops {
namespace {

struct Plan {
  std::int64_t groups = 1;  // of channels
  std::int64_t channels = 1;
  std::int64_t spatial = 1;  // elements of one channel of one instance
  bool by_group = false;     // scale and bias are per group (GroupNormalization before opset 21)
};

Plan plan(const Inference& inf) {
  const Dims& dims = inf.dims(0);
  if (dims.size() < 2) throw InvalidNode("X has no channels");
  Plan p;
  p.channels = dims[1];
  p.spatial = product(dims, 2, dims.size());
  if (inf.node().op_type == "InstanceNormalization") {
    p.groups = p.channels;
  } else {
    p.groups = inf.node().int_or("num_groups", 0);
    p.by_group = inf.opset() < 21;
    if (p.groups <= 0 || p.channels % p.groups != 0)
      throw InvalidNode("num_groups does not divide the channels");
  }
  const Dims expected = {p.by_group ? p.groups : p.channels};
  if (inf.dims(1) != expected || inf.dims(2) != expected)
    throw InvalidNode("scale or bias has the wrong shape");
  return p;
}

// In which stage one is calculated: only GroupNormalization from opset 21 on says.
DType stage_type(const Evaluation& ev) {
  if (ev.node().op_type == "InstanceNormalization" || ev.opset() < 21) return ev.type(0).dtype;
  const std::int64_t t = ev.node().int_or("stash_type", 1);
  if (t < 0 || t >= kDTypeCount || !kFloats.has(static_cast<DType>(t)))
    throw InvalidNode("stash_type " + std::to_string(t) + " is no floating-point type");
  return static_cast<DType>(t);
}

void infer(Inference& inf) {
  plan(inf);
  infer_same_as_input(inf);
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  if (ev.output().count() == 0) return;
  // A group's elements lie side by side.
  const std::int64_t per_group = p.channels / p.groups;
  const Groups groups = groups_along({ev.dims(0)[0] * p.groups, per_group * p.spatial}, {1});
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto &x = ev.reals<R>(0), &scale = ev.reals<R>(1), &bias = ev.reals<R>(2);
    const auto epsilon = static_cast<R>(ev.node().float_or("epsilon", static_cast<double>(1e-5f)));
    const auto stage = ev.rounding_of<R>(stage_type(ev));
    const auto rounding = ev.rounding<R>();
    auto& y = ev.out_reals<R>();
    for (std::size_t g = 0; g < groups.count; ++g) {
      const Standardized<R> norm(x, groups[g], epsilon, Center::kMean, stage);
      for (std::int64_t i : groups[g]) {
        const std::int64_t channel = i / p.spatial % p.channels;
        const auto c = static_cast<std::size_t>(p.by_group ? channel / per_group : channel);
        const auto at = static_cast<std::size_t>(i);
        y.set(at, scaled(norm(x[at]), scale[c], bias[c], rounding));
      }
    }
  });
}

void draft_parameters(Draft& d, DType t, std::int64_t size) {
  d.input({.types = t, .dims = Dims{size}, .role = Role::kWeight, .range = {.low = 0.5, .high = 1.5}});
  d.input({.types = t, .dims = Dims{size}, .role = Role::kWeight, .range = {.low = -1, .high = 1}});
  if (d.rng().chance(0.5)) d.attribute("epsilon", d.rng().pick({1e-5f, 1e-3f, 1e-6f, 0.1f}));
}

bool draft_instance(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 3, .max_rank = 5});
  draft_parameters(d, x.dtype, x.dims[1]);
  return true;
}

bool draft_group(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 3, .max_rank = 5});
  std::vector<std::int64_t> divisors;
  for (std::int64_t g = 1; g <= x.dims[1]; ++g)
    if (x.dims[1] % g == 0) divisors.push_back(g);
  if (divisors.empty()) return false;
  const std::int64_t groups = rng.pick(divisors);
  d.attribute("num_groups", groups);
  draft_parameters(d, x.dtype, d.opset() < 21 ? groups : x.dims[1]);
  if (d.schema().has_attribute("stash_type") && rng.chance(0.2)) d.attribute("stash_type", std::int64_t{1});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "InstanceNormalization",
     .since = 6,
     .draft = draft_instance,
     .infer = infer,
     .evaluate = evaluate},
    {.name = "GroupNormalization", .since = 18, .draft = draft_group, .infer = infer, .evaluate = evaluate},
};

}  // namespace

namespace family {
extern constinit const Family group_norm = specs;
}

}  // namespace mob::ops
